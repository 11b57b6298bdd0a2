import { expect, test } from 'vitest';
import { FixtureCluster, GIB } from '../../test/fakes/fixture-cluster.ts';
import { parsePlacement } from './placement.ts';
import { Placer } from './placer.ts';
import { NOTHING } from './reservation.ts';
import { schedulerOptions } from './scheduler.ts';

test('a placer sees what was recorded since its last choice', () => {
  const cluster = new FixtureCluster([{ name: 'a' }, { name: 'b' }]);
  const placer = new Placer(cluster, schedulerOptions());
  const { request } = parsePlacement({ HostConfig: { Memory: GIB } });
  const first = placer.choose(request);
  // The node is the cluster's own, not a view of it.
  first.ledger.put('x', { ...NOTHING, memoryBytes: 2 * GIB });
  expect([first.name, placer.choose(request).name]).toEqual(['a', 'b']);
});

test('a volume or a network goes where the expressions in its labels say', () => {
  const nodes = [{ name: 'a' }, { name: 'b', labels: { rack: '1' } }];
  const placer = new Placer(new FixtureCluster(nodes), schedulerOptions());
  expect(placer.chooseByLabels({}).name).toBe('a');
  expect(placer.chooseByLabels({ 'com.docker.swarm.constraints': '["rack==1"]' }).name).toBe('b');
});

test('a placer explains why there is no node, by value or as an error', () => {
  const placer = new Placer(new FixtureCluster([{ name: 'a' }]), schedulerOptions());
  const { request } = parsePlacement({ Env: ['constraint:rack==1'] });
  expect(placer.decide(request)).toMatchObject({ kind: 'refused', code: 'NO_NODE' });
  expect(() => placer.choose(request)).toThrow('constraint rack==1 is not met');
});
