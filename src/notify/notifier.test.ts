import { createHmac } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { ExecTarget } from './exec-target.ts';
import type { Notice } from './notice.ts';
import { Notifier } from './notifier.ts';
import { RefusedDelivery, type Target } from './target.ts';
import { WebTarget } from './web-target.ts';

const LOST: Notice = { event: 'node-lost', node: 'bee-1', text: 'node bee-1 is lost' };
const BACK: Notice = { event: 'node-back', node: 'bee-1', text: 'node bee-1 is back' };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** A server that answers with the next of `statuses`, then with 204. */
async function receiver(statuses: number[] = []): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server: Server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      received.push({ headers: request.headers, text });
      response.writeHead(statuses.shift() ?? 204, { Location: 'http://127.0.0.1:1/' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, received };
}

function notifier(targets: readonly Target[], clock = systemClock): Notifier {
  const made = new Notifier({ targets, clock, logger: silentLogger() }, { cluster: 'c1' });
  closers.push(() => made.close());
  return made;
}

it('posts notices in order, signed', async () => {
  const { url, received } = await receiver();
  const made = notifier([new WebTarget({ clock: systemClock }, { url, secret: 'honey' })]);
  made.tell(LOST);
  made.tell(BACK);
  await waitUntil(() => received.length === 2);
  expect(received.map(({ text }) => JSON.parse(text))).toMatchObject([
    { ...LOST, cluster: 'c1' },
    { ...BACK, cluster: 'c1' },
  ]);
  const [first] = received;
  const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(first?.headers['enxame-signature'])) ?? [];
  expect(digest).toBe(createHmac('sha256', 'honey').update(`${seconds}.${first?.text}`).digest('hex'));
  expect(first?.headers['enxame-delivery']).toBe(JSON.parse(first?.text ?? '').id);
});

it('sends a user and a password as a header, and shows neither', async () => {
  const { url, received } = await receiver();
  const target = new WebTarget({ clock: systemClock }, { url: url.replace('//', '//me:p%40ss@') });
  notifier([target]).tell(LOST);
  await waitUntil(() => received.length === 1);
  expect(received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:p@ss').toString('base64')}`);
  expect(target.name).toBe(url);
});

it('tries again what failed, with the same ID, and drops what is refused', async () => {
  const { url, received } = await receiver([503, 429, 204, 400, 302]);
  const clock = new FakeClock();
  const made = notifier([new WebTarget({ clock }, { url })], clock);
  for (const notice of [LOST, BACK, LOST, BACK]) made.tell(notice);
  for (const seen of [1, 2]) {
    await waitUntil(() => received.length === seen && clock.sleeping === 1);
    expect(made.problems()).toHaveLength(1);
    clock.advance(60_000);
  }
  await waitUntil(() => received.length === 6);
  expect(received.map(({ text }) => JSON.parse(text).event)).toEqual([
    ...['node-lost', 'node-lost', 'node-lost'],
    ...['node-back', 'node-lost', 'node-back'],
  ]);
  expect(new Set(received.slice(0, 3).map(({ headers }) => headers['enxame-delivery'])).size).toBe(1);
  await waitUntil(() => made.problems().length === 0);
});

it('gives up on a notice that is too old, and keeps a bounded number of others', async () => {
  const clock = new FakeClock();
  const tried: string[] = [];
  const target: Target = {
    name: 'nowhere',
    deliver: (text) => {
      tried.push((JSON.parse(text) as Notice).text);
      return Promise.reject(tried.length === 1 ? new Error('down') : new RefusedDelivery('no'));
    },
  };
  const made = notifier([target], clock);
  for (let i = 0; i < 1_500; i++) made.tell({ ...LOST, text: String(i) });
  await waitUntil(() => clock.sleeping === 1);
  clock.advance(3_600_001);
  await waitUntil(() => tried.at(-1) === '1499');
  expect(tried).toHaveLength(1_002); // The first one twice, then the latest thousand.
});

it('runs a program with the notice at its input, again when it fails, and ends it with the manager', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-notify-'));
  closers.push(() => rm(folder, { recursive: true }));
  const program = join(folder, 'told');
  const log = join(folder, 'log');
  await writeFile(program, `#!/bin/sh\necho "$ENXAME_EVENT $(cat)" >>${log}\n[ $(wc -l <${log}) -ge 2 ]\n`);
  await chmod(program, 0o755);
  const clock = new FakeClock();
  notifier([new ExecTarget(program)], clock).tell(LOST);
  await waitUntil(() => clock.sleeping === 1);
  clock.advance(60_000);
  const lines = (): string[] => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
  await waitUntil(() => lines().length === 2);
  const [first = '', second] = lines();
  expect(first).toBe(second);
  expect(JSON.parse(first.replace('node-lost ', ''))).toMatchObject(LOST);
});

it('ends a program that does not end, with all that it started, and waits for nothing it leaves behind', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-notify-'));
  closers.push(() => rm(folder, { recursive: true }));
  const deliver = async (script: string): Promise<number> => {
    const program = join(folder, 'told');
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o755);
    const target = new ExecTarget(program, 1_000);
    await target.deliver(JSON.stringify(LOST), 'd1', new AbortController().signal);
    return Number(readFileSync(join(folder, 'pid'), 'utf8'));
  };
  const runs = (pid: number): boolean => !/^\d+ \(\w+\) Z/.test(statOf(pid)) && statOf(pid) !== '';
  await expect(deliver(`sleep 1000 & echo $! >${folder}/pid; wait`)).rejects.toThrow('it did not end within 1000 ms');
  await waitUntil(() => !runs(Number(readFileSync(join(folder, 'pid'), 'utf8'))));
  const left = await deliver(`sleep 1000 & echo $! >${folder}/pid`);
  expect(runs(left)).toBe(true);
  process.kill(left);
  await expect(deliver('yes >&2 & sleep 0.2; echo why >&2; kill %1; exit 7')).rejects.toThrow(/^its exit code was 7: /);
  await expect(deliver('kill -9 $$')).rejects.toThrow('its exit code was SIGKILL');
});

function statOf(pid: number): string {
  return existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
}

it.each(['ftp://host/', 'host', 'https:/', ''])('refuses %j as a URL', (url) => {
  expect(() => new WebTarget({ clock: systemClock }, { url })).toThrow(/--notify should be an http/);
});
