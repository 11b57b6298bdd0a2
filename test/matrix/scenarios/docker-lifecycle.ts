import { createHash, randomBytes } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import type { User } from '../user.ts';
import { LABEL } from './docker-sleepers.ts';

const MIB = 2 ** 20;

/** Containers from `create` to `rm`, and what runs in them. */
export function lifecycleScenarios(user: User): void {
  test('a container’s life: create, start, pause, rename, update, kill, wait, restart, rm', async () => {
    const state = (name: string): Promise<string> => user.docker(['inspect', '-f', '{{.State.Status}}', name]);
    await user.docker([
      'create',
      '--name',
      'life',
      '--label',
      LABEL,
      '-m',
      '32m',
      '-i',
      'busybox',
      'sh',
      '-c',
      'cat; exit 4',
    ]);
    expect(await state('life')).toBe('created');
    await user.docker(['start', 'life']);
    await user.docker(['pause', 'life']);
    expect(await state('life')).toBe('paused');
    await user.docker(['unpause', 'life']);
    await user.docker(['rename', 'life', 'lives']);
    await user.docker(['update', '-m', '48m', '--memory-swap', '96m', 'lives']);
    expect(await user.docker(['inspect', '-f', '{{.HostConfig.Memory}}', 'lives'])).toBe(String(48 * MIB));
    const waiting = user.docker(['wait', 'lives']);
    await user.docker(['kill', 'lives']);
    expect(['0', '137']).toContain(await waiting);
    expect(await user.docker(['wait', 'lives'])).toBe('137');
    await user.docker(['restart', '-t', '0', 'lives']);
    expect(await state('lives')).toBe('running');
    await user.docker(['stop', '-t', '0', 'lives']);
    await user.docker(['rm', 'lives']);
    expect((await user.try(['inspect', 'lives'])).exitCode).not.toBe(0);
  });

  test('run in the foreground: output, exit code, --rm', async () => {
    const run = [
      'run',
      '--rm',
      '-i',
      '--name',
      'fore',
      '--label',
      LABEL,
      'busybox',
      'sh',
      '-c',
      'cat; echo no >&2; exit 6',
    ];
    const result = await user.try(run, { input: 'words' });
    expect([result.exitCode, result.stdout, result.stderr]).toEqual([6, 'words', 'no\n']);
    await waitFor('its removal', async () => (await user.try(['inspect', 'fore'])).exitCode !== 0);
  });

  test('exec, logs and cp both ways', async () => {
    const content = randomBytes(MIB);
    const source = join(tmpdir(), `enxame-cli-${content.toString('hex', 0, 6)}`);
    await writeFile(source, content);
    try {
      await user.docker(['cp', source, 'on-three:/tmp/data']);
      expect(await user.docker(['exec', 'on-three', 'sha1sum', '/tmp/data'])).toContain(
        createHash('sha1').update(content).digest('hex'),
      );
      await rm(source);
      await user.docker(['cp', 'three/on-three:/tmp/data', source]);
      expect((await readFile(source)).equals(content)).toBe(true);
    } finally {
      await rm(source, { force: true });
    }
    await user.docker(['run', '--name', 'said', '--label', LABEL, 'busybox', 'echo', 'heard']);
    expect(await user.docker(['logs', 'said'])).toBe('heard');
  });
}
