import { once } from 'node:events';
import http2, { type ClientHttp2Stream, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { SESSION_MEMORY_MB, SMALLEST_WINDOW, STREAM_WINDOW, UNREAD_BYTES } from './carrier.ts';
import { DialledAgents } from './dialled-agents.ts';
import { windowFor } from './shared-window.ts';

const WAIT = { timeout: 60_000 };
const open: { destroy(): unknown }[] = [];

afterEach(() => {
  for (const each of open) each.destroy();
});

test('streams share what may be unread, in steps, and not back and forth at one of them', () => {
  const windows = [0, 1, 32, 33, 64, 65, 1_000, 4_096].map((streams) => windowFor(streams, STREAM_WINDOW));
  expect(windows.map((bytes) => bytes / SMALLEST_WINDOW)).toEqual([64, 64, 64, 32, 32, 16, 2, 1]);
  const half = STREAM_WINDOW / 2;
  expect([33, 32, 17, 16].map((streams) => windowFor(streams, half))).toEqual([half, half, half, STREAM_WINDOW]);
  for (const streams of [33, 100, 2_048])
    expect(windowFor(streams, STREAM_WINDOW) * streams).toBeLessThanOrEqual(UNREAD_BYTES);
});

test('clients that do not read what an agent sends cost a bounded amount of memory', { timeout: 180_000 }, async () => {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const ours = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
  const [theirs] = (await once(server, 'connection')) as [Socket];
  server.close();
  // An agent that sends without end to whoever is connected.
  const agent = http2.performServerHandshake(ours, { maxSessionMemory: SESSION_MEMORY_MB });
  agent.on('error', () => undefined).on('stream', flood);
  open.push(agent, theirs);
  const agents = new DialledAgents(Date.now);
  void agents.serve('bee-1', theirs, '192.0.2.1', new AbortController().signal);
  const connector = agents.connectorFor('bee-1');
  const count = 256;
  const streams = (await Promise.all(
    Array.from({ length: count }, () => connector.connectPort?.('', 80, 'tcp', 60_000)),
  )) as ClientHttp2Stream[];
  const unread = (): number => streams.reduce((bytes, each) => bytes + each.readableLength, 0);
  const window = windowFor(count, STREAM_WINDOW);
  // Read on until the smaller window is agreed on and what came before is gone.
  await expect.poll(() => agent.remoteSettings.initialWindowSize, WAIT).toBe(window);
  for (const stream of streams) stream.read();
  await expect.poll(() => streams.every((each) => each.readableLength > 0), WAIT).toBe(true);
  let before = -1;
  await expect
    .poll(
      () => {
        const isSame = unread() === before;
        before = unread();
        return isSame;
      },
      { ...WAIT, interval: 500 },
    )
    .toBe(true);
  expect(unread()).toBeLessThanOrEqual(2 * UNREAD_BYTES);
  // Others are served meanwhile.
  const late = await connector.connectPort?.('', 80, 'tcp', 60_000);
  expect(((await once(late as ClientHttp2Stream, 'data')) as [Buffer])[0].length).toBeGreaterThan(0);
  await connector.close();
});

function flood(stream: ServerHttp2Stream): void {
  const piece = Buffer.alloc(64 * 1024);
  stream.on('error', () => undefined).respond({ ':status': 200 });
  const more = (): void => {
    while (!stream.destroyed && stream.write(piece));
  };
  stream.on('drain', more);
  more();
}
