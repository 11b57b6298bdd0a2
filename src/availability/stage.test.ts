import { expect, it } from 'vitest';
import { modelNode } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import { Placer } from '../scheduler/placer.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { onStage } from './stage.ts';

it('counts what was tried while the plan is made, and leaves nothing', () => {
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
  const node = modelNode('a');
  cluster.addNode(node);
  const { request } = parsePlacement({ Image: 'redis', HostConfig: { Memory: 2 ** 30 } }, { name: 'web' });
  const placer = new Placer(cluster, schedulerOptions());
  const kinds = onStage(cluster, placer, (stage) =>
    [1, 2, 3].map(() => {
      const decision = stage.decide(request);
      if (decision.kind === 'placed') stage.place(decision.node, request, {});
      return decision.kind;
    }),
  );
  expect(kinds).toEqual(['placed', 'placed', 'refused']);
  expect([node.reservedMemoryBytes, node.containerCount]).toEqual([0, 0]);
  expect(cluster.names.isFree('web')).toBe(true);
});
