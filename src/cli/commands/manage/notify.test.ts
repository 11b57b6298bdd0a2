import { createHmac } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { FakeEngine } from '../../../../simulator/fake-engine.ts';
import { fakeIo } from '../../../../test/fakes/fake-io.ts';
import { waitUntil } from '../../../../test/fakes/wait.ts';
import { run } from '../../program.ts';

/** For a busy machine. */
const PATIENCE_MS = 120_000;

let folder: string;
let server: Server;
const received: { readonly signature: string; readonly text: string }[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-notify-'));
  await writeFile(join(folder, 'secret'), 'honey\n');
  await writeFile(join(folder, 'empty'), '\n');
  await writeFile(join(folder, 'told'), `#!/bin/sh\ncat >>${join(folder, 'log')}\n`);
  await chmod(join(folder, 'told'), 0o755);
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({
      signature: String(request.headers['enxame-signature']),
      text: Buffer.concat(chunks).toString(),
    });
    response.writeHead(204).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server?.close(resolve));
  await rm(folder, { recursive: true });
});

function url(): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
}

async function readyNodes(): Promise<number> {
  const io = fakeIo();
  await run(['node', 'ls', '-H', `unix://${join(folder, 'sock')}`, '--format', '{{.Status}}'], io);
  return io
    .stdout()
    .split('\n')
    .filter((line) => line === 'ready').length;
}

describe('who is told', () => {
  test(
    'URLs and programs, of a node that is lost and back',
    async () => {
      const engines = await Promise.all([1, 2, 3].map((i) => FakeEngine.start({ name: `node-${i}` })));
      const io = fakeIo();
      const times = ['--engine-probe-interval', '200ms', '--reschedule-grace', '100ms'];
      const told = [
        '--notify',
        url(),
        '--notify-secret',
        join(folder, 'secret'),
        '--notify-exec',
        join(folder, 'told'),
      ];
      const listen = [
        '-H',
        `unix://${join(folder, 'sock')}`,
        '--state-dir',
        'none',
        '--cluster-opt',
        'enxame.substrate=off',
      ];
      const nodes = engines.map(({ address }) => address).join(',');
      const ended = run(['--log-level', 'silent', 'manage', ...listen, ...times, ...told, nodes], io);
      const eventsOf = (texts: readonly string[]): string[] =>
        texts.map((text) => JSON.parse(text)).map(({ event, node }) => `${event} ${node}`);
      try {
        await vi.waitFor(async () => expect(await readyNodes()).toBe(3), PATIENCE_MS);
        const [engine] = engines;
        await engine?.apply({ kind: 'refuse' });
        await waitUntil(() => received.length > 0, PATIENCE_MS);
        await engine?.apply({ kind: 'none' });
        await waitUntil(() => received.length > 1, PATIENCE_MS);
        const expected = ['node-lost node-1', 'node-back node-1'];
        expect(eventsOf(received.map(({ text }) => text))).toEqual(expected);
        for (const { signature, text } of received) {
          const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(signature) ?? [];
          expect(digest).toBe(createHmac('sha256', 'honey').update(`${seconds}.${text}`).digest('hex'));
        }
        await vi.waitFor(async () => {
          const lines = (await readFile(join(folder, 'log'), 'utf8')).trim().split('\n');
          expect(eventsOf(lines)).toEqual(expected);
        }, PATIENCE_MS);
      } finally {
        io.stop();
        expect([await ended, io.stderr()]).toEqual([0, '']);
        await Promise.all(engines.map((engine) => engine.close()));
      }
    },
    4 * PATIENCE_MS,
  );

  test.each<[string[], RegExp]>([
    [['--notify', 'ftp://host/'], /--notify should be an http/],
    [['--notify-secret', 'secret'], /give --notify too/],
    [['--notify', 'http://host/', '--notify-secret', 'missing'], /missing cannot be read: /],
    [['--notify', 'http://host/', '--notify-secret', 'empty'], /empty is empty/],
    [['--notify-exec', 'secret'], /is no program that can be run/],
    [['--notify-exec', '/tmp'], /"\/tmp" is no program/],
    [['--notify', 'http://a%zz:b@host/'], /has a % that stands for nothing/],
    [['--notify-exec', ''], /"" is no program/],
    [['--notify-exec', 'no-such-program'], /"no-such-program" is no program/],
    [Array.from({ length: 17 }, () => ['--notify', 'http://host/']).flat(), /16 times each/],
  ])('%j is refused in one line', async (flags, says) => {
    const io = fakeIo();
    const words = flags.map((word) => (/^(secret|missing|empty)$/.test(word) ? join(folder, word) : word));
    expect(await run(['manage', '--state-dir', 'none', ...words, '127.0.0.1:9'], io)).toBe(2);
    expect(io.stderr()).toMatch(says);
  });
});
