import { describe, expect, test } from 'vitest';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { AgentLeases } from './agent-leases.ts';

const REPORT = { fenceMs: 10_000, killMs: 5_000 };
const GRACE = 17_000;

async function leases(nodes: readonly string[], records = memoryRecords()) {
  const time = { ms: 1_000_000 };
  const cluster = {
    nodes: nodes.map((id) => ({ id })),
    node: (id: string) => (nodes.includes(id) ? { id } : undefined),
  };
  const open = (): Promise<AgentLeases> =>
    AgentLeases.open({ ...records, cluster: cluster as unknown as Cluster, uptime: () => time.ms });
  return { time, open, leases: await open() };
}

describe('a node with an agent', () => {
  test('takes strict containers while the agent is heard, and another does not', async () => {
    const { leases: all, time } = await leases(['a', 'b']);
    await all.renew('a', REPORT);
    expect([...all.refusals().keys()]).toEqual(['b']);
    time.ms += 10_000;
    expect([...all.refusals().keys()]).toEqual(['a', 'b']);
  });

  test('keeps its strict containers from moving until they have ended there', async () => {
    const { leases: all, time } = await leases(['a', 'b', 'c']);
    for (const node of ['a', 'b', 'c']) await all.renew(node, REPORT);
    for (let i = 0; i < GRACE; i += 1_000) {
      expect(all.notYet('a')).toMatch(/may let it run for another \d+ s/);
      time.ms += 1_000;
      await all.renew('b', REPORT);
      await all.renew('c', REPORT);
    }
    expect(all.notYet('a')).toBeUndefined();
    await all.renew('a', REPORT);
    expect(all.notYet('a')).toMatch(/another 17 s/);
  });

  test('is waited for by a manager that starts, as if it had been heard then', async () => {
    const world = await leases(['a', 'b']);
    for (const node of ['a', 'b']) await world.leases.renew(node, REPORT);
    world.time.ms += 60_000;
    const restarted = await world.open();
    await restarted.renew('b', REPORT);
    expect(restarted.notYet('a')).toMatch(/another 17 s/);
    for (let i = 0; i < GRACE; i += 1_000) {
      world.time.ms += 1_000;
      await restarted.renew('b', REPORT);
    }
    expect(restarted.notYet('a')).toBeUndefined();
  });

  test('is waited for by a manager that most agents had not heard for a while', async () => {
    const { leases: all, time } = await leases(['a', 'b', 'c']);
    for (const node of ['a', 'b', 'c']) await all.renew(node, REPORT);
    time.ms += 60_000;
    expect(all.notYet('a')).toBe('strict: fewer than half of the agents are heard');
    for (const node of ['b', 'c']) await all.renew(node, REPORT);
    expect(all.notYet('a')).toMatch(/another 17 s/);
  });

  test('that never had one moves nothing strict', async () => {
    const { leases: all } = await leases(['a', 'b']);
    await all.renew('b', REPORT);
    expect(all.notYet('a')).toMatch(/had no agent/);
    await all.renew('a', REPORT);
    await all.forget('a');
    expect(all.notYet('a')).toMatch(/had no agent/);
  });
});

test('agents learn how many they are and where the others are', async () => {
  const { leases: all } = await leases(['a', 'b', 'c']);
  await all.renew('a', { ...REPORT, peer: '10.0.0.1:2378' });
  expect(await all.renew('b', REPORT)).toEqual({ agents: 2, peers: ['10.0.0.1:2378'] });
  // One of a node that is not in the cluster counts for itself alone.
  await all.renew('x', { ...REPORT, peer: '10.0.0.9:2378' });
  expect(await all.renew('a', { ...REPORT, peer: '10.0.0.1:2378' })).toEqual({ agents: 2, peers: [] });
});

test.each([
  undefined,
  {},
  { fenceMs: 1, killMs: 5_000 },
  { fenceMs: '10000', killMs: 5_000 },
  { fenceMs: 1e12, killMs: 5_000 },
])('a report that makes no sense is refused: %j', async (body) => {
  const { leases: all } = await leases(['a']);
  await expect(all.renew('a', body)).rejects.toMatchObject({ status: 400 });
});
