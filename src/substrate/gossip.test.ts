import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeSwarms } from '../../test/fakes/fake-swarms.ts';
import { Gossip, type HeardPeers, silenceOf } from './gossip.ts';

describe('who hears nobody', () => {
  const cases: readonly { name: string; peers: Record<string, HeardPeers>; deaf?: string[]; all?: boolean }[] = [
    { name: 'nobody where all hear each other', peers: { a: 3, b: 3, c: 3 } },
    { name: 'one whose gossip does not run', peers: { a: 2, b: 2, c: 0 }, deaf: ['c'] },
    { name: 'one that does not have the network', peers: { a: 2, b: 2, c: 'none' }, deaf: ['c'] },
    { name: 'nobody where none has the network', peers: { a: 'none', b: 'none' } },
    { name: 'not the one that is left alone by that', peers: { a: 1, b: 0 }, deaf: ['b'] },
    { name: 'several whose gossip does not run', peers: { a: 1, b: 0, c: 0 }, deaf: ['b', 'c'] },
    { name: 'one that is alone while others hear each other', peers: { a: 2, b: 2, c: 1 }, deaf: ['c'] },
    { name: 'nobody alone where none hears another', peers: { a: 1, b: 1, c: 1 }, all: true },
    { name: 'nobody who does not tell', peers: { a: 2, b: undefined, c: undefined } },
    { name: 'nobody who is the only one', peers: { a: 0 } },
  ];
  test.each(cases)('$name', ({ peers, deaf = [], all = false }) => {
    expect(silenceOf(new Map(Object.entries(peers)))).toEqual({ deaf: new Set(deaf), isSilent: all });
  });
});

describe('asking', () => {
  const { signal } = new AbortController();

  function world(): { swarms: FakeSwarms; clock: FakeClock; gossip: Gossip; asked: () => string[] } {
    const swarms = new FakeSwarms(['a', 'b', 'c']);
    swarms.found('a');
    const { swarm } = swarms.engine('a');
    for (const name of ['b', 'c']) {
      const engine = swarms.engine(name);
      Object.assign(engine, { swarm, nodeId: `n-${name}` });
      swarm?.entries.push({ nodeId: `n-${name}`, engine, role: 'worker', isIn: true });
    }
    const clock = new FakeClock();
    const asked = (): string[] => swarms.calls.splice(0).map((call) => call.split(' ')[0] ?? '');
    return { swarms, clock, gossip: new Gossip(clock), asked };
  }

  test('one that hears others is seldom asked, one that does not is asked until it does', async () => {
    const { swarms, clock, gossip, asked } = world();
    swarms.engine('c').hears = 0;
    expect(await gossip.look(swarms.nodes, signal)).toEqual({ deafMs: new Map([['c', 0]]), allMs: 0 });
    expect(asked()).toEqual(['a', 'b', 'c']);
    clock.advance(60_000);
    expect((await gossip.look(swarms.nodes, signal)).deafMs).toEqual(new Map([['c', 60_000]]));
    expect(asked()).toEqual(['c']);
    swarms.engine('c').hears = 'none';
    clock.advance(5_000);
    expect((await gossip.look(swarms.nodes, signal)).deafMs).toEqual(new Map([['c', 65_000]]));
    asked();
    swarms.engine('c').hears = undefined;
    clock.advance(5_000);
    expect((await gossip.look(swarms.nodes, signal)).deafMs.size).toBe(0);
    asked();
    clock.advance(60_000);
    await gossip.look(swarms.nodes, signal);
    expect(asked()).toEqual([]);
    gossip.forget('b');
    await gossip.look(swarms.nodes, signal);
    expect(asked()).toEqual(['b']);
  });

  test('one that does not answer counts as it did, one that takes no part any more is forgotten', async () => {
    const { swarms, clock, gossip, asked } = world();
    swarms.engine('c').hears = 0;
    await gossip.look(swarms.nodes, signal);
    swarms.engine('c').isHealthy = false;
    clock.advance(5_000);
    expect((await gossip.look(swarms.nodes, signal)).deafMs).toEqual(new Map([['c', 5_000]]));
    expect((await gossip.look(swarms.nodes.slice(0, 2), signal)).deafMs.size).toBe(0);
    asked();
    await gossip.look(swarms.nodes, signal);
    expect(asked()).toEqual(['c']);
  });

  test('a single engine is not asked', async () => {
    const { swarms, gossip, asked } = world();
    await gossip.look(swarms.nodes.slice(0, 1), signal);
    expect(asked()).toEqual([]);
  });
});
