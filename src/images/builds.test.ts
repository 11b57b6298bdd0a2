import { expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { Placer } from '../scheduler/placer.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { Builds } from './builds.ts';

test('the builder stays the same until it is paused', async () => {
  await using manager = await FakeManager.start([{}, {}]);
  const { cluster } = manager.manager;
  const builds = new Builds({ cluster, placer: new Placer(cluster, schedulerOptions()) });
  const { builder } = builds;
  expect(builds.builder).toBe(builder);
  builder.setChoices({ labels: {}, availability: 'pause' });
  const { builder: next } = builds;
  expect(next).not.toBe(builder);
  builder.setChoices(undefined);
  expect(builds.builder).toBe(next);
  for (const node of cluster.nodes) node.setChoices({ labels: {}, availability: 'pause' });
  expect(() => builds.builder).toThrow('paused (2 of 2 nodes: node-1, node-2)');
});
