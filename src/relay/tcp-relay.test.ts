import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { freePort } from '../../test/fakes/free-port.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { Connections } from './connections.ts';
import type { Target, Targets } from './target.ts';
import { TcpRelay } from './tcp-relay.ts';

/** For a busy machine. */
const PATIENCE_MS = 60_000;

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

/** A server of one container. */
async function serve(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  open.push({ close: () => [...sockets].map((socket) => socket.destroy()) }, server);
  return (server.address() as AddressInfo).port;
}

function target(id: string, port: number, proxyProtocol?: Target['proxyProtocol']): Target {
  return { id, nodeId: 'node', host: '127.0.0.1', port, proxyProtocol };
}

/** In order, beginning after the one that was chosen last. */
class Turns implements Targets {
  list: readonly Target[];
  mayComeNow = false;
  #turn = 0;

  constructor(...list: readonly Target[]) {
    this.list = list;
  }

  next(tried: ReadonlySet<string>): Target | undefined {
    const found = this.list.find((_, i) => !tried.has(this.list[(this.#turn + i) % this.list.length]?.id ?? ''));
    if (!found) return undefined;
    for (;;) {
      const each = this.list[this.#turn++ % this.list.length];
      if (each && !tried.has(each.id)) return each;
    }
  }

  has(): boolean {
    return true;
  }

  mayCome(): boolean {
    return this.mayComeNow;
  }
}

async function relay(
  targets: Targets,
  limits = { total: 100, perPort: 100 },
): Promise<{ readonly port: number; readonly connections: Connections }> {
  const connections = new Connections(limits);
  const one = new TcpRelay({ targets, connections, clock: systemClock });
  const port = await one.listen('127.0.0.1', 0);
  open.push(one, { close: () => connections.destroy() });
  return { port, connections };
}

/** All that comes; rejects when the connection breaks. */
function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('end', () => resolve(Buffer.concat(chunks).toString()));
    socket.once('error', reject);
  });
}

function ask(port: number): Promise<string> {
  return readAll(connect({ host: '127.0.0.1', port }));
}

describe('a TCP relay', () => {
  test('takes turns, and passes one over that refuses', { timeout: PATIENCE_MS }, async () => {
    const [a, b] = [await serve((socket) => socket.end('a')), await serve((socket) => socket.end('b'))];
    const { port } = await relay(new Turns(target('a', a), target('gone', await freePort()), target('b', b)));
    const answers: string[] = [];
    for (let i = 0; i < 6; i++) answers.push(await ask(port));
    expect(answers.filter((text) => text === 'a').length).toBeGreaterThanOrEqual(2);
    expect(answers.filter((text) => text === 'b').length).toBeGreaterThanOrEqual(2);
    expect(answers.join('')).toMatch(/^[ab]{6}$/);
  });

  test('passes the end of one direction on alone', { timeout: PATIENCE_MS }, async () => {
    const counts = await serve(async (socket) => socket.end(`${(await readAll(socket)).length} bytes`));
    const { port } = await relay(new Turns(target('counts', counts)));
    const client = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    client.end('x'.repeat(300_000));
    expect(await readAll(client)).toBe('300000 bytes');
  });

  test('does not read on while the other end does not', { timeout: PATIENCE_MS }, async () => {
    let served: Socket | undefined;
    const stuck = await serve((socket) => {
      socket.on('end', () => socket.end()).pause();
      served = socket;
    });
    const { port, connections } = await relay(new Turns(target('stuck', stuck)));
    const client = connect({ host: '127.0.0.1', port });
    const block = Buffer.alloc(1024 * 1024);
    let sent = 0;
    // Until the systems' buffers are full on both ways: a relay without back-pressure takes all of it.
    const most = 256;
    let isFull = false;
    while (sent < most && !isFull) {
      sent += 1;
      isFull = !(await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), 2_000);
        client.write(block, () => {
          clearTimeout(timer);
          resolve(true);
        });
      }));
    }
    expect(isFull).toBe(true);
    let received = 0;
    served?.on('data', (chunk: Buffer) => {
      received += chunk.length;
    });
    served?.resume();
    await waitUntil(() => received === sent * block.length, PATIENCE_MS);
    client.end();
    await waitUntil(() => connections.size === 0, PATIENCE_MS);
  });

  test('breaks the other end when one breaks', { timeout: PATIENCE_MS }, async () => {
    let served: Socket | undefined;
    const cut = await serve((socket) => {
      served = socket;
    });
    const { port, connections } = await relay(new Turns(target('cut', cut)));
    const client = connect({ host: '127.0.0.1', port });
    client.write('x');
    await waitUntil(() => served !== undefined, PATIENCE_MS);
    const read = readAll(client);
    served?.resetAndDestroy();
    await expect(read).rejects.toThrow(/ECONNRESET/);
    await connections.ended('cut');
    await waitUntil(() => connections.size === 0, PATIENCE_MS);
  });

  test('says who the client is', { timeout: PATIENCE_MS }, async () => {
    const echo = await serve((socket) => socket.pipe(socket));
    const { port } = await relay(new Turns(target('echo', echo, 'v1')));
    const client = connect({ host: '127.0.0.1', port });
    await once(client, 'connect');
    const from = client.localPort;
    client.end('hello');
    expect(await readAll(client)).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${from} ${port}\r\nhello`);
  });

  test('lets connections wait for a container that comes in a moment', { timeout: PATIENCE_MS }, async () => {
    const targets = new Turns();
    targets.mayComeNow = true;
    const { port, connections } = await relay(targets);
    const answer = ask(port);
    await waitUntil(() => connections.size === 1, PATIENCE_MS);
    targets.list = [target('new', await serve((socket) => socket.end('new')))];
    expect(await answer).toBe('new');
  });

  test('refuses when no container takes it, and when there are too many', { timeout: PATIENCE_MS }, async () => {
    const none = await relay(new Turns());
    await expect(ask(none.port)).rejects.toThrow(/ECONNRESET/);
    expect(none.connections.tally.failed).toBe(1);
    const stays = await serve((socket) => socket.on('end', () => socket.end()).write('here'));
    const full = await relay(new Turns(target('stays', stays)), { total: 10, perPort: 1 });
    const first = connect({ host: '127.0.0.1', port: full.port });
    await once(first, 'data');
    await expect(ask(full.port)).rejects.toThrow(/ECONNRESET/);
    expect(full.connections.tally.refused).toBe(1);
    first.destroy();
    await waitUntil(() => full.connections.size === 0, PATIENCE_MS);
    const second = connect({ host: '127.0.0.1', port: full.port });
    await once(second, 'data');
    second.destroy();
  });
});
