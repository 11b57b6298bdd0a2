import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { MOST_FLOWS, sendDatagram } from '../engine/dialled/datagrams.ts';
import { Connections } from '../relay/connections.ts';
import type { Target } from '../relay/target.ts';
import type { Ring } from './ring.ts';
import { serveUdpVisit, UdpVisitBounds, type UdpVisitDeps } from './udp-visit.ts';

const WAIT = { timeout: 60_000 };
const VISIT = { protocol: 'udp', port: 53, remoteAddress: '192.0.2.1', remotePort: 5_353 } as const;

/** The manager's end of a stream; what is said there is for the other one to hear. */
class End extends Duplex {
  other: End | undefined;
  heard = '';

  override _read(): void {}

  override _write(bytes: Buffer, _: string, done: () => void): void {
    this.heard += bytes.toString('latin1');
    this.other?.push(bytes);
    done();
  }
}

function pair(): [manager: End, agent: End] {
  const ends: [End, End] = [new End(), new End()];
  [ends[0].other, ends[1].other] = [ends[1], ends[0]];
  return ends;
}

const container = createSocket('udp4');
afterAll(() => void container.close());
let got: string[] = [];
let clock: FakeClock;
let deps: UdpVisitDeps;
const streams: Duplex[] = [];

beforeEach(async () => {
  got = [];
  clock = new FakeClock();
  const socket = container.removeAllListeners().on('message', (datagram) => void got.push(datagram.toString()));
  try {
    socket.address();
  } catch {
    await once(socket.bind(0, '127.0.0.1'), 'listening');
  }
  const target: Target = {
    id: 'a',
    nodeId: 'node',
    host: '127.0.0.1',
    port: socket.address().port,
    proxyProtocol: undefined,
  };
  const ring = { next: () => target, has: () => true } as unknown as Ring;
  deps = {
    ringOf: () => ring,
    connections: new Connections({ total: 10_000, perPort: 10_000 }),
    isPublished: () => false,
    clock,
    bounds: new UdpVisitBounds(clock),
  };
});
afterEach(() => {
  for (const stream of streams.splice(0)) stream.destroy();
});

function visit(): End {
  const [manager, agent] = pair();
  streams.push(manager);
  serveUdpVisit(manager, VISIT, deps);
  return Object.assign(agent, { other: manager });
}

test('an agent has only so many flows, and others when they end', async () => {
  const refused = '{"refused":true}\n';
  const leaves = Array.from({ length: MOST_FLOWS }, () => deps.bounds.take());
  const one = visit();
  await expect.poll(() => one.other?.heard, WAIT).toBe(refused);
  leaves[0]?.();
  const two = visit();
  await expect.poll(() => two.other?.heard, WAIT).toBe('{"carry":true}\n');
  const three = visit();
  await expect.poll(() => three.other?.heard, WAIT).toBe(refused);
  two.other?.destroy();
  await expect.poll(() => deps.connections.size, WAIT).toBe(0);
  expect(deps.bounds.take()).toBeDefined();
});

test('an agent that sends datagrams without end has only so many passed on', async () => {
  const agent = visit();
  await expect.poll(() => agent.other?.heard, WAIT).toBe('{"carry":true}\n');
  sendDatagram(agent, Buffer.from('first'));
  await expect.poll(() => got, WAIT).toEqual(['first']);
  while (deps.bounds.admits());
  for (let i = 0; i < 100; i++) sendDatagram(agent, Buffer.alloc(0));
  // What has passed, and is behind them, is there after them.
  clock.advance(1);
  sendDatagram(agent, Buffer.from('last'));
  await expect.poll(() => got, WAIT).toContain('last');
  expect(got).toEqual(['first', 'last']);
});

test('a flow that comes where there are too many is taken, and another one ends for it', async () => {
  deps = { ...deps, connections: new Connections({ total: 2, perPort: 1 }) };
  const one = visit();
  await expect.poll(() => one.other?.heard, WAIT).toBe('{"carry":true}\n');
  const two = visit();
  await expect.poll(() => two.other?.heard, WAIT).toBe('{"carry":true}\n');
  expect([one.other?.destroyed, two.other?.destroyed, deps.connections.size]).toEqual([true, false, 1]);
});

test('a flow ends by itself once no datagram has passed for two minutes', async () => {
  const agent = visit();
  await expect.poll(() => agent.other?.heard, WAIT).toBe('{"carry":true}\n');
  clock.advance(100_000);
  sendDatagram(agent, Buffer.from('late'));
  await expect.poll(() => got, WAIT).toEqual(['late']);
  clock.advance(100_000);
  expect([agent.other?.destroyed, deps.connections.size]).toEqual([false, 1]);
  // The agent is silent from now on.
  clock.advance(120_000);
  await expect.poll(() => [agent.other?.destroyed, deps.connections.size], WAIT).toEqual([true, 0]);
  expect(deps.connections.leadsTo('a')).toBe(false);
});

test('a stream that ended before its turn takes no room', () => {
  const [manager] = pair();
  manager.destroy();
  serveUdpVisit(manager, VISIT, deps);
  expect(deps.connections.size).toBe(0);
});
