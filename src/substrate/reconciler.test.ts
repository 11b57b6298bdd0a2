import { expect, test } from 'vitest';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { Reconciler } from './reconciler.ts';
import { StatusBoard } from './status-board.ts';
import type { KnownSubstrate, SubstrateMember } from './types.ts';

/** The only member: it manages our swarm, which has no other node. */
function member(): SubstrateMember {
  const json = async ({ path }: { path: string }): Promise<unknown> => {
    if (path === '/info')
      return {
        Swarm: {
          NodeID: 'sw-a',
          LocalNodeState: 'active',
          ControlAvailable: true,
          Cluster: { ID: 's1', Spec: { Labels: { 'io.enxame.cluster': 'c1' } } },
        },
      };
    if (path !== '/nodes') return [];
    const ManagerStatus = { Leader: true, Reachability: 'reachable' };
    return [
      { ID: 'sw-a', Version: { Index: 1 }, Spec: { Role: 'manager' }, Status: { State: 'ready' }, ManagerStatus },
    ];
  };
  const rest = { address: '10.0.0.1', isHealthy: true, labels: new Map(), client: { json } };
  return { id: 'a', name: 'a', ...rest } as unknown as SubstrateMember;
}

test('what ever took part is remembered, so that it is known when it comes back after a restart of ours', async () => {
  const earlier = [
    { nodeId: 'sw-b', memberId: 'b', isManager: true },
    { nodeId: 'sw-a-before', memberId: 'a', isManager: true },
  ];
  let saved: KnownSubstrate | undefined;
  const memory = {
    load: async () => ({ swarmId: 's1', nodes: earlier }),
    save: async (known: KnownSubstrate) => {
      saved = known;
    },
  };
  const board = new StatusBoard(systemClock, silentLogger());
  const members = { nodes: [member()], subscribe: () => () => undefined };
  const identity = { id: 'c1', marks: new Set(['c1']) };
  const reconciler = new Reconciler(
    { members, clock: systemClock, logger: silentLogger(), memory, board },
    { identity },
  );
  const stop = new AbortController();
  const loop = reconciler.run(stop.signal);
  await waitUntil(() => saved !== undefined);
  stop.abort(new Error('done'));
  await loop;
  expect(saved?.nodes).toEqual([
    { nodeId: 'sw-a', memberId: 'a', isManager: true },
    { nodeId: 'sw-b', memberId: 'b', isManager: false },
    { nodeId: 'sw-a-before', memberId: 'a', isManager: false },
  ]);
});
