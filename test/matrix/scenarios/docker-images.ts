import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { User } from '../user.ts';

/** Images made from containers, and their archives in `folder`. */
export function imageScenarios(user: User, folder: () => string): void {
  test('commit, tag, history, run elsewhere, save, load, rmi', async () => {
    await user.docker(['exec', 'on-one', 'sh', '-c', 'echo honey > /comb']);
    onTestFinished(async () => void (await user.try(['rmi', '-f', 'comb:1', 'comb:2'])));
    const id = await user.docker(['commit', '-m', 'a comb', 'on-one', 'comb:1']);
    await user.docker(['tag', 'comb:1', 'comb:2']);
    expect(await user.docker(['images', '--no-trunc', '--format', '{{.Tag}} {{.ID}}', 'comb'])).toBe(
      `1 ${id}\n2 ${id}`,
    );
    expect(await user.docker(['history', '--format', '{{.Comment}}', 'comb:1'])).toMatch(/^a comb/);
    // The image remembers where its container had to be.
    const there = ['--label', 'com.docker.swarm.constraints=["node==three"]'];
    expect(await user.docker(['run', '--rm', ...there, 'comb:2', 'cat', '/comb'])).toBe('honey');
    const archive = join(folder(), 'comb.tar');
    await user.docker(['save', '-o', archive, 'comb:1']);
    await user.docker(['rmi', 'comb:1', 'comb:2']);
    expect(await user.docker(['images', '-q', 'comb'])).toBe('');
    expect(await user.docker(['load', '-i', archive])).toContain('Loaded image: comb:1');
    expect(await user.docker(['images', '-q', '--no-trunc', 'comb'])).toBe(id);
    await user.docker(['rmi', 'comb:1']);
  });
}
