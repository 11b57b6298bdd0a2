import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { releaseNode } from './release.ts';
import type { SubstrateMember } from './types.ts';

/** A manager that has a lost node, which counts in the quorum until it was demoted and listed once more, and `others` that manage. */
function managerWith(reachability: string | undefined, refusal?: string, others: readonly string[] = ['reachable']) {
  const calls: string[] = [];
  let left = reachability === undefined ? 0 : Number.POSITIVE_INFINITY;
  const json = async ({ method, path }: { method: string; path: string }): Promise<unknown> => {
    if (path === '/nodes')
      return [
        {
          ID: 'n1',
          Version: { Index: 1 },
          Spec: { Role: 'manager' },
          Status: { State: 'down' },
          ManagerStatus: left-- > 0 ? { Reachability: reachability } : null,
        },
        ...others.map((each, i) => ({
          ID: `m${i}`,
          Version: { Index: 1 },
          Spec: { Role: 'manager' },
          Status: { State: 'ready' },
          ManagerStatus: { Reachability: each },
        })),
      ];
    if (method === 'GET') return { Version: { Index: 7 }, Spec: { Role: 'manager' } };
    calls.push(`${method} ${path}`);
    if (refusal !== undefined) throw new EngineAnswerError(refusal, 500);
    if (method === 'POST') left = 0;
    return undefined;
  };
  return { manager: { client: { json } } as unknown as SubstrateMember, calls };
}

const { signal } = new AbortController();

test.each([
  { name: 'a worker is removed', reachability: undefined, calls: ['DELETE /nodes/n1?force=1'] },
  {
    name: 'a manager is demoted first',
    reachability: 'unreachable',
    calls: ['POST /nodes/n1/update?version=7', 'DELETE /nodes/n1?force=1'],
  },
])('$name', async ({ reachability, calls }) => {
  const given = managerWith(reachability);
  await releaseNode(given.manager, 'n1', new FakeClock(), signal);
  expect(given.calls).toEqual(calls);
});

test('a node that the swarm does not have is no error', async () => {
  const { manager, calls } = managerWith(undefined);
  await releaseNode(manager, 'n2', new FakeClock(), signal);
  expect(calls).toEqual([]);
});

test('a manager that the others cannot do without is told as such', async () => {
  const { manager } = managerWith('unreachable', "can't remove member: loss of quorum");
  await expect(releaseNode(manager, 'n1', new FakeClock(), signal)).rejects.toThrow(
    "the lost engine manages the cluster's networks, and too few other managers are left: can't remove member: loss of quorum",
  );
});

test('nothing is changed when the managers that are left would be no quorum', async () => {
  const { manager, calls } = managerWith('unreachable', undefined, ['reachable', 'unreachable']);
  await expect(releaseNode(manager, 'n1', new FakeClock(), signal)).rejects.toMatchObject({
    status: 503,
    message: expect.stringContaining('too few other managers answer'),
  });
  expect(calls).toEqual([]);
});
