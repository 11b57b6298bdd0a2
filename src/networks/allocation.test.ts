import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { jsonClient } from '../../test/fakes/json-client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { type AllocationRequest, awaitAllocation } from './allocation.ts';

const SWARM = { DefaultAddrPool: ['10.96.0.0/23'], SubnetSize: 24 };
const MADE = { Id: 'n', Name: 'n', Scope: 'swarm' };

/** A swarm that allocates the network `n` after some looks at it (never without), beside networks with these subnets. */
async function allocate(options: {
  readonly afterLooks?: number;
  readonly subnets?: readonly string[];
  readonly hasSubnets?: boolean;
  readonly failing?: boolean;
}): Promise<{ readonly outcome: unknown; readonly deleted: readonly string[]; readonly tookMs: number }> {
  const { afterLooks = Number.POSITIVE_INFINITY, subnets = [], hasSubnets = false, failing = false } = options;
  const deleted: string[] = [];
  let looks = 0;
  const json = async ({ method, path }: { method: string; path: string }): Promise<unknown> => {
    if (method === 'DELETE') return deleted.push(path);
    if (path === '/swarm') return SWARM;
    if (path === '/networks') return subnets.map((Subnet) => ({ Scope: 'swarm', IPAM: { Config: [{ Subnet }] } }));
    if (failing) throw new EngineAnswerError('the swarm does not have a leader', 503);
    return { ...MADE, Containers: {}, Driver: ++looks > afterLooks ? 'overlay' : '' };
  };
  const clock = new FakeClock();
  const startMs = clock.now();
  const substrate = {
    manager: async () => ({ client: jsonClient(json) }),
  } as unknown as AllocationRequest['substrate'];
  let outcome: unknown;
  void awaitAllocation('n', { substrate, clock, hasSubnets, signal: new AbortController().signal }).then(
    (network: NetworkSummary) => {
      outcome = network;
    },
    ({ status, message }: { status: number; message: string }) => {
      outcome = { status, message };
    },
  );
  while (outcome === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(50);
  }
  return { outcome, deleted, tookMs: clock.now() - startMs };
}

test('a network is there when it has its driver, and without what hangs on one node', async () => {
  const { outcome, deleted } = await allocate({ afterLooks: 4 });
  expect(outcome).toEqual({ ...MADE, Driver: 'overlay' });
  expect(deleted).toEqual([]);
});

test('an exhausted pool is told soon, and the network is not left behind', async () => {
  const { outcome, deleted, tookMs } = await allocate({ subnets: ['10.96.0.0/24', '10.96.1.0/24', '10.7.0.0/16'] });
  expect(outcome).toEqual({
    status: 400,
    message: expect.stringMatching(/^all predefined address pools have been fully/),
  });
  expect(deleted).toEqual(['/networks/n']);
  expect(tookMs).toBeLessThan(5_000);
});

test('a slow swarm is waited for while its pool has room', async () => {
  const { outcome } = await allocate({ afterLooks: 12, subnets: ['10.96.0.0/24'] });
  expect(outcome).toMatchObject({ Driver: 'overlay' });
});

test('subnets that the swarm does not give are in use somewhere', async () => {
  const { outcome, deleted } = await allocate({ hasSubnets: true });
  expect(outcome).toEqual({ status: 403, message: expect.stringContaining('Pool overlaps with other one') });
  expect(deleted).toEqual(['/networks/n']);
});

test('what nobody can tell of is not left behind either', async () => {
  const { outcome, deleted } = await allocate({ failing: true });
  expect(outcome).toEqual({ status: 503, message: 'the swarm does not have a leader' });
  expect(deleted).toEqual(['/networks/n']);
});
