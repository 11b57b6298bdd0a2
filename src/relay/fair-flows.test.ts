import { expect, test } from 'vitest';
import { networkOf } from '../common/client-network.ts';
import { type EndableFlow, FairFlows } from './fair-flows.ts';

const MOST = 60;

class World {
  readonly flows = new FairFlows();
  readonly ended: string[] = [];

  begin(port: string, address: string): EndableFlow {
    const flow = { port, address, end: () => void this.ended.push(`${port} ${address}`) };
    if (this.flows.size >= MOST) expect(this.flows.endOneFor(flow)).toBe(true);
    this.flows.add(flow);
    return flow;
  }
}

test('floods at some ports take from themselves, and never from a port with less than its share', () => {
  const world = new World();
  for (let i = 0; i < 5; i++) world.begin('quiet', `192.0.2.${i}`);
  for (let i = 0; i < 1_000; i++) world.begin(`flooded ${i % 3}`, `198.51.100.${i % 250}`);
  expect(world.ended.some((each) => each.startsWith('quiet'))).toBe(false);
  expect(world.flows.size).toBe(MOST);
  // One that begins now has its share, too.
  for (let i = 0; i < 10; i++) world.begin('late', '192.0.2.9');
  expect([world.flows.of('late'), world.flows.of('quiet'), world.flows.size]).toEqual([10, 5, MOST]);
});

test('a client that floods a port takes from itself, from whatever address of its network', () => {
  const world = new World();
  const kept = ['192.0.2.1', '192.0.2.2', '2001:db8:1::1'];
  for (const address of kept) world.begin('53', address);
  for (let i = 0; i < 500; i++) world.begin('53', `2001:db8:2:3::${i.toString(16)}`);
  expect(world.ended.filter((each) => kept.includes(each.slice(3)))).toEqual([]);
  world.begin('53', '192.0.2.3');
  expect(world.ended.at(-1)).toContain('2001:db8:2:3:');
});

test('of clients with as much each, the one that was idle for longest makes room', () => {
  const world = new World();
  const flows = Array.from({ length: MOST }, (_, i) => world.begin('53', `192.0.2.${i}`));
  for (const flow of flows) if (flow !== flows[7]) world.flows.use(flow);
  world.begin('53', '198.51.100.1');
  expect(world.ended).toEqual(['53 192.0.2.7']);
});

test('at random, counts are right, and nobody with its share or less loses a flow', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * below);
  };
  const flows = new FairFlows();
  const open = new Set<EndableFlow>();
  const of = (port: unknown): number => [...open].filter((flow) => flow.port === port).length;
  for (let i = 0; i < 1_000; i++) {
    const port = random(2) === 0 ? 0 : random(9);
    const flow: EndableFlow = { port, address: `192.0.2.${random(20)}`, end: () => lose(flow) };
    const lose = (lost: EndableFlow): void => {
      const ports = new Set([...open, flow].map((each) => each.port)).size;
      expect(of(lost.port) + (lost.port === flow.port ? 1 : 0)).toBeGreaterThanOrEqual(MOST / ports);
      open.delete(lost);
    };
    if (flows.size >= MOST) flows.endOneFor(flow);
    flows.add(flow);
    open.add(flow);
    const [some] = [...open].slice(random(open.size));
    const act = random(3);
    if (some && act === 0) flows.use(some);
    if (some && act === 1) {
      flows.remove(some);
      open.delete(some);
    }
    expect([flows.size, flows.most]).toEqual([open.size, Math.max(0, ...[...open].map((each) => of(each.port)))]);
  }
});

test('a network of clients is an address of IPv4, or 64 bits of IPv6', () => {
  expect(
    ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', 'fe80::1%eth0', '::1', '1:2:3:4:5:6:7:8'].map(networkOf),
  ).toEqual(['192.0.2.1', '192.0.2.1', '2001:db8:0:0', 'fe80:0:0:0', '0:0:0:0', '1:2:3:4']);
});
