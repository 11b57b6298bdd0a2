import { expect, test } from 'vitest';
import { FakeSwarms } from '../../test/fakes/fake-swarms.ts';
import { systemClock } from '../common/clock.ts';
import { Releases } from './releases.ts';

/** Three managers, `c` of which is lost. */
function world() {
  const swarms = new FakeSwarms(['a', 'b', 'c']);
  const [a, b, c] = swarms.nodes;
  if (!a || !b || !c) throw new Error('no engines');
  swarms.found('a');
  for (const each of [b, c]) {
    void swarms.answer(each, join('10.9.0.1:2377'));
    void swarms.answer(a, { method: 'POST', path: `/nodes/${each.nodeId}/update`, body: '{"Role":"manager"}' });
  }
  swarms.setHealth('c', false);
  const releases = new Releases({ manager: async () => a, clock: systemClock, kick: () => undefined });
  return { swarms, releases, nodeId: c.nodeId };
}

function join(address: string): { method: string; path: string; body: string } {
  return { method: 'POST', path: '/swarm/join', body: JSON.stringify({ RemoteAddrs: [address] }) };
}

const { signal } = new AbortController();

test('a lost manager is demoted and removed once, however many ask', async () => {
  const { swarms, releases, nodeId } = world();
  swarms.calls.length = 0;
  await Promise.all(Array.from({ length: 300 }, () => releases.run(nodeId, new AbortController().signal)));
  await releases.run(nodeId, signal);
  expect(swarms.changes.slice(-2)).toEqual(['a demote c', 'a remove c']);
  expect(swarms.calls.length).toBeLessThan(10);
});

test('one that leaves does not end it for the others', async () => {
  const { swarms, releases, nodeId } = world();
  const leaving = new AbortController();
  const first = releases.run(nodeId, leaving.signal);
  const second = releases.run(nodeId, signal);
  leaving.abort(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  await second;
  expect(swarms.changes.at(-1)).toBe('a remove c');
});

test('a closing substrate ends it', async () => {
  const { swarms, releases, nodeId } = world();
  swarms.setHealth('b', false);
  const running = releases.run(nodeId, signal);
  releases.close();
  await expect(running).rejects.toThrow('the manager stops');
});
