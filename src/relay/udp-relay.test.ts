import { createSocket, Socket } from 'node:dgram';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { MOST_BEGUN, receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import { Connections } from './connections.ts';
import type { Target, Targets } from './target.ts';
import { UdpRelay } from './udp-relay.ts';

/** For a busy machine. */
const PATIENCE_MS = 60_000;

const open: { close(): unknown }[] = [];

afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

async function socket(): Promise<Socket> {
  const one = createSocket('udp4').bind(0, '127.0.0.1');
  await once(one, 'listening');
  open.push(one);
  return one;
}

/** Answers each datagram with its own name before it. */
async function named(name: string): Promise<Target> {
  const one = await socket();
  one.on('message', (datagram, { address, port }) => one.send(`${name}:${datagram}`, port, address));
  return { nodeId: 'node', id: name, host: '127.0.0.1', port: one.address().port, proxyProtocol: undefined };
}

class Turns implements Targets {
  list: readonly Target[];
  #turn = 0;

  constructor(...list: readonly Target[]) {
    this.list = list;
  }

  next(): Target | undefined {
    return this.list[this.#turn++ % this.list.length];
  }

  has({ id }: Target): boolean {
    return this.list.some((each) => each.id === id);
  }

  mayCome(): boolean {
    return false;
  }
}

/** A relay, and the socket that clients send to. */
async function relayWithSocket(targets: Targets, connections: Connections): Promise<{ port: number; own: Socket }> {
  const bind = vi.spyOn(Socket.prototype, 'bind');
  const relay = new UdpRelay({ targets, connections, clock: new FakeClock() });
  const port = await relay.listen('127.0.0.1', 0);
  open.push(relay);
  const [own] = bind.mock.contexts as [Socket];
  bind.mockRestore();
  return { port, own };
}

/** A client that sends until it is answered: datagrams may be lost. */
async function ask(client: Socket, port: number, text: string): Promise<string> {
  let answer: string | undefined;
  client.once('message', (datagram) => {
    answer = datagram.toString();
  });
  const timer = setInterval(() => client.send(text, port, '127.0.0.1'), 200);
  client.send(text, port, '127.0.0.1');
  try {
    await waitUntil(() => answer !== undefined, PATIENCE_MS);
  } finally {
    clearInterval(timer);
  }
  return answer ?? '';
}

test(
  'a UDP relay keeps a client with its container, and ends flows that are idle, moved or too many',
  async () => {
    const [a, b] = [await named('a'), await named('b')];
    const targets = new Turns(a, b);
    const clock = new FakeClock();
    const connections = new Connections({ total: 2, perPort: 2 });
    const relay = new UdpRelay({ targets, connections, clock });
    const port = await relay.listen('127.0.0.1', 0);
    open.push(relay);
    const [one, two, three] = [await socket(), await socket(), await socket()];
    expect([await ask(one, port, '1'), await ask(two, port, '2')]).toEqual(['a:1', 'b:2']);
    expect(await ask(one, port, '3')).toBe('a:3');
    // The one that was idle for longest makes room.
    expect(await ask(three, port, '4')).toBe('a:4');
    expect(connections.size).toBe(2);
    targets.list = [b];
    expect(await ask(one, port, '5')).toBe('b:5');
    await waitUntil(() => connections.leadsTo('a') === false, PATIENCE_MS);
    clock.advance(75_000);
    await waitUntil(() => connections.size === 0, PATIENCE_MS);
    relay.close();
  },
  6 * PATIENCE_MS,
);

test(
  'a UDP relay outlives a container that it has no way to, and datagrams from port 0 and from its own',
  async () => {
    // Nobody may connect to the broadcast address.
    const nowhere = { ...(await named('nowhere')), host: '255.255.255.255' };
    const targets = new Turns(nowhere);
    const connections = new Connections({ total: 9, perPort: 9 });
    const { port, own } = await relayWithSocket(targets, connections);
    const client = await socket();
    const taken = once(own, 'message');
    const timer = setInterval(() => client.send('lost', port, '127.0.0.1'), 200);
    await taken;
    clearInterval(timer);
    await waitUntil(() => connections.size === 0, PATIENCE_MS);
    targets.list = [await named('a')];
    const other = new UdpRelay({ targets, connections, clock: new FakeClock() });
    const loops = [port, await other.listen('127.0.0.1', 0)];
    open.push(other);
    // From port 0, and as if a relay's own port had sent it: they would answer each other for ever.
    for (const from of [0, ...loops])
      for (const address of ['127.0.0.1', '::ffff:127.0.0.1'])
        own.emit('message', Buffer.from('0'), { address, port: from, family: 'IPv4', size: 1 });
    expect(connections.size).toBe(0);
    expect(await ask(await socket(), port, '1')).toBe('a:1');
  },
  6 * PATIENCE_MS,
);

/** The two ends of a stream, and what was opened. */
function overAgent(name: string, opened: Duplex[]): Target {
  const connect = async (): Promise<Duplex> => {
    const [near, far] = [0, 1].map(() => new Duplex({ read: () => undefined })) as [Duplex, Duplex];
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from._write = (bytes, _, done) => {
        to.push(bytes);
        done();
      };
      from.once('close', () => to.destroy());
    }
    receiveDatagrams(far, (datagram) => sendDatagram(far, Buffer.from(`${name}:${datagram}`)));
    opened.push(near);
    return near;
  };
  return { nodeId: 'node', id: name, host: name, port: 53, proxyProtocol: undefined, connect };
}

test(
  'a UDP relay reaches a container over its node’s agent, and takes another way when that one breaks',
  async () => {
    const opened: Duplex[] = [];
    const targets = new Turns(overAgent('far', opened));
    const connections = new Connections({ total: 9, perPort: 9 });
    const relay = new UdpRelay({ targets, connections, clock: new FakeClock() });
    const port = await relay.listen('127.0.0.1', 0);
    open.push(relay);
    const client = await socket();
    expect([await ask(client, port, '1'), await ask(client, port, '')]).toEqual(['far:1', 'far:']);
    expect([connections.size, opened.length]).toEqual([1, 1]);
    // Its agent is killed.
    opened[0]?.destroy();
    await waitUntil(() => connections.size === 0, PATIENCE_MS);
    expect(await ask(client, port, '2')).toBe('far:2');
    targets.list = [{ ...overAgent('gone', []), connect: async () => Promise.reject(new Error('gone')) }];
    const { failed } = connections.tally;
    client.send('3', port, '127.0.0.1');
    await waitUntil(() => connections.tally.failed > failed, PATIENCE_MS);
    expect(connections.size).toBe(0);
    relay.close();
    expect(opened.every(({ destroyed }) => destroyed)).toBe(true);
  },
  6 * PATIENCE_MS,
);

test(
  'clients of ever other ports have a bounded number of flows over an agent, and the latest are served',
  async () => {
    const opened: Duplex[] = [];
    const targets = new Turns(overAgent('far', opened));
    const connections = new Connections({ total: 9_999, perPort: 9_999 });
    const { port, own } = await relayWithSocket(targets, connections);
    const datagram = Buffer.alloc(65_507);
    for (let from = 10_000; from < 13_000; from++)
      for (let i = 0; i < 3; i++)
        own.emit('message', datagram, { address: '127.0.0.9', port: from, family: 'IPv4', size: 1 });
    expect(connections.size).toBe(512);
    expect(await ask(await socket(), port, '1')).toBe('far:1');
    expect(connections.size).toBe(512);
    await waitUntil(() => opened.filter(({ destroyed }) => !destroyed).length === 512, PATIENCE_MS);
  },
  6 * PATIENCE_MS,
);

test(
  'floods at two ports leave flows over the node’s agent to a third one',
  async () => {
    const opened: Duplex[] = [];
    const targets = new Turns(overAgent('far', opened));
    const connections = new Connections({ total: 9_999, perPort: 9_999 });
    const quiet = await relayWithSocket(targets, connections);
    const client = await socket();
    expect(await ask(client, quiet.port, '1')).toBe('far:1');
    const flow = opened[0];
    for (const { own } of [await relayWithSocket(targets, connections), await relayWithSocket(targets, connections)])
      for (let from = 10_000; from < 12_000; from++)
        own.emit('message', Buffer.alloc(1), { address: '127.0.0.9', port: from, family: 'IPv4', size: 1 });
    expect(connections.size).toBe(MOST_BEGUN);
    expect([await ask(client, quiet.port, '2'), flow?.destroyed]).toEqual(['far:2', false]);
    expect(await ask(await socket(), quiet.port, '3')).toBe('far:3');
    expect(connections.size).toBe(MOST_BEGUN);
  },
  6 * PATIENCE_MS,
);

test(
  'replicas behind one UDP port take turns with clients, and one that fails is chosen by none',
  async () => {
    const [a, b, c] = [await named('a'), await named('b'), await named('c')];
    const targets = new Turns(a, b, c);
    const connections = new Connections({ total: 99, perPort: 99 });
    const { port } = await relayWithSocket(targets, connections);
    const clients = await Promise.all(Array.from({ length: 6 }, () => socket()));
    const said: string[] = [];
    for (const client of clients) said.push(await ask(client, port, '1'));
    expect(said.join()).toBe('a:1,b:1,c:1,a:1,b:1,c:1');
    targets.list = [a, c];
    for (const client of clients) expect(await ask(client, port, '2')).toMatch(/^[ac]:2$/);
  },
  12 * PATIENCE_MS,
);
