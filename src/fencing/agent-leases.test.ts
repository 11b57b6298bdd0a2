import { describe, expect, test } from 'vitest';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import type { FenceOrders } from '../agent/lease-file.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { RecordIndex } from '../desired/record-index.ts';
import { AgentLeases, fenceOrders, hasOldStrictCopies, type StrictCopy } from './agent-leases.ts';

const REPORT = { fenceMs: 10_000, killMs: 5_000 };
const GRACE = 17_000;

const NO_ORDERS = { strict: [] as readonly string[], plain: [] as readonly string[] };

function onNode(nodeId: string, engineId = 'c1'): StrictCopy {
  return { current: { nodeId, engineId, attempt: 'x', generation: 0 } };
}

/** A copy that is strict by a word that its label does not say. */
function changed(nodeId: string, engineId = 'c1'): StrictCopy {
  return { ...onNode(nodeId, engineId), fence: { engineId, is: 'strict' } };
}

async function leases(nodes: readonly string[], records = memoryRecords()) {
  const orders = new Map<string, FenceOrders>();
  const oldCopies = new Set<string>();
  const time = { ms: 1_000_000 };
  const cluster = {
    nodes: nodes.map((id) => ({ id })),
    node: (id: string) => (nodes.includes(id) ? { id } : undefined),
  };
  const open = (): Promise<AgentLeases> =>
    AgentLeases.open({
      ...records,
      cluster: cluster as unknown as Cluster,
      ordersOf: (nodeId) => orders.get(nodeId) ?? NO_ORDERS,
      hasOldCopies: (nodeId) => oldCopies.has(nodeId),
      uptime: () => time.ms,
    });
  return { time, open, orders, oldCopies, leases: await open() };
}

describe('a node with an agent', () => {
  test('takes strict containers while the agent is heard, and another does not', async () => {
    const { leases: all, time } = await leases(['a', 'b']);
    await all.renew('a', REPORT);
    expect([...all.refusals().keys()]).toEqual(['b']);
    time.ms += 10_000;
    expect([...all.refusals().keys()]).toEqual(['a', 'b']);
  });

  test('takes none while its agent keeps no lease, and is waited for all the same', async () => {
    const { leases: all } = await leases(['a']);
    await all.renew('a', { ...REPORT, lacks: 'write the lease: ENOSPC\n' });
    expect(all.isHeld('a')).toBe(false);
    expect(all.refusals().get('a')).toBe('its agent ends strict containers: it cannot write the lease: ENOSPC ');
    expect(all.notYet(onNode('a'))?.forMs).toBe(GRACE);
    await all.renew('a', REPORT);
    expect(all.isHeld('a')).toBe(true);
  });

  test('has no lease anew before old copies are gone, and keeps the one that it has', async () => {
    const world = await leases(['a']);
    const { leases: all, time, oldCopies } = world;
    oldCopies.add('a');
    await all.renew('a', REPORT);
    time.ms += 9_999;
    await all.renew('a', REPORT);
    time.ms += 10_000;
    await expect(all.renew('a', REPORT)).rejects.toMatchObject({ status: 409, code: 'OLD_COPIES' });
    expect(all.isHeld('a')).toBe(false);
    const restarted = await world.open();
    await restarted.renew('a', REPORT);
    oldCopies.clear();
    await all.renew('a', REPORT);
    expect(all.isHeld('a')).toBe(true);
  });

  test('keeps its strict containers from moving until they have ended there', async () => {
    const { leases: all, time } = await leases(['a', 'b', 'c']);
    for (const node of ['a', 'b', 'c']) await all.renew(node, REPORT);
    for (let i = 0; i < GRACE; i += 1_000) {
      expect(all.notYet(onNode('a'))).toEqual({ why: expect.stringContaining('for 17 s'), forMs: GRACE - i });
      time.ms += 1_000;
      await all.renew('b', REPORT);
      await all.renew('c', REPORT);
    }
    expect(all.notYet(onNode('a'))).toBeUndefined();
    await all.renew('a', REPORT);
    expect(all.notYet(onNode('a'))?.forMs).toBe(GRACE);
  });

  test('is waited for by a manager that starts, as if it had been heard then', async () => {
    const world = await leases(['a', 'b']);
    for (const node of ['a', 'b']) await world.leases.renew(node, REPORT);
    world.time.ms += 60_000;
    const restarted = await world.open();
    await restarted.renew('b', REPORT);
    expect(restarted.notYet(onNode('a'))?.forMs).toBe(GRACE);
    for (let i = 0; i < GRACE; i += 1_000) {
      world.time.ms += 1_000;
      await restarted.renew('b', REPORT);
    }
    expect(restarted.notYet(onNode('a'))).toBeUndefined();
  });

  test('is waited for by a manager that most agents had not heard for a while', async () => {
    const { leases: all, time } = await leases(['a', 'b', 'c']);
    for (const node of ['a', 'b', 'c']) await all.renew(node, REPORT);
    time.ms += 60_000;
    expect(all.notYet(onNode('a'))).toEqual({ why: 'strict: fewer than half of the agents are heard' });
    for (const node of ['b', 'c']) await all.renew(node, REPORT);
    expect(all.notYet(onNode('a'))?.forMs).toBe(GRACE);
  });

  test('that never had one moves nothing strict', async () => {
    const { leases: all } = await leases(['a', 'b']);
    await all.renew('b', REPORT);
    expect(all.notYet(onNode('a'))?.why).toMatch(/had no agent/);
    await all.renew('a', REPORT);
    await all.forget('a');
    expect(all.notYet(onNode('a'))?.why).toMatch(/had no agent/);
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

describe('a container that has become strict', () => {
  test('does not move before its agent has said that it ends it, and then as any other', async () => {
    const world = await leases(['a', 'b', 'c']);
    const { leases: all, orders, time } = world;
    for (const node of ['a', 'b', 'c']) await all.renew(node, REPORT);
    orders.set('a', { strict: ['c1'], plain: [] });
    expect(all.isObeyed(onNode('a'))).toBe(true);
    expect(all.isObeyed(changed('a'))).toBe(false);
    expect(all.never(changed('a'))).toMatch(/had no agent/);
    expect(await all.renew('a', REPORT)).toEqual({ agents: 3, peers: [], strict: ['c1'], plain: [] });
    expect(all.isObeyed(changed('a'))).toBe(false);
    await all.renew('a', { ...REPORT, strict: ['c1'] });
    expect(all.isObeyed(changed('a'))).toBe(true);
    expect(all.isObeyed(changed('a', 'c2'))).toBe(false);
    const restarted = await world.open();
    expect(restarted.never(changed('a'))).toBeUndefined();
    for (let i = 0; i <= GRACE; i += 1_000) {
      for (const node of ['b', 'c']) await restarted.renew(node, REPORT);
      time.ms += 1_000;
    }
    expect(restarted.notYet(changed('a'))).toBeUndefined();
    expect(restarted.notYet(changed('a', 'c2'))?.why).toMatch(/had no agent/);
  });

  test('is not counted on by what an agent said before it was told otherwise', async () => {
    const { leases: all, orders } = await leases(['a']);
    orders.set('a', { strict: ['c1'], plain: [] });
    await all.renew('a', REPORT);
    await all.renew('a', { ...REPORT, strict: ['c1', 'what nobody ordered'] });
    orders.set('a', { strict: [], plain: ['c1'] });
    expect(await all.renew('a', { ...REPORT, strict: ['c1'] })).toMatchObject({ plain: ['c1'] });
    orders.set('a', { strict: ['c1'], plain: [] });
    expect(all.isObeyed(changed('a'))).toBe(false);
  });

  test('is one by its engine ID: a copy that was made since has the label', () => {
    const record = (engineId: string, fence?: ContainerRecord['fence']): ContainerRecord =>
      ({ current: { nodeId: 'a', engineId }, ...(fence && { fence }) }) as ContainerRecord;
    const records = [
      record('c1', { engineId: 'c1', is: 'strict' }),
      record('c2', { engineId: 'c2', is: 'off' }),
      record('c4', { engineId: 'c3', is: 'strict' }),
      record('c5'),
    ];
    expect(fenceOrders(records)).toEqual({ strict: ['c1'], plain: ['c2'] });
  });
});

describe('old copies on a node', () => {
  const copy = (nodeId: string) => ({ nodeId, engineId: `on-${nodeId}`, attempt: `at-${nodeId}`, generation: 0 });
  const strict = { restart: 'always', priority: 0, isStrict: true } as const;
  const record: ContainerRecord = {
    format: 1,
    key: 'k',
    name: 'web',
    current: copy('a'),
    wanted: 'running',
    terms: strict,
  };
  const move = { to: copy('b'), how: 'replace', why: 'a is lost', sinceMs: 0 } as const;
  const moved = { ...record, current: copy('b'), stale: [copy('a')] };

  test.each([
    ['that has its container', record, false],
    ['whose container is being made elsewhere', { ...record, move }, true],
    ['whose container runs elsewhere', moved, true],
    ['whose container runs elsewhere, and is not strict', { ...moved, terms: { ...strict, isStrict: false } }, false],
  ])('%s: %#', (_, each, expected) => {
    const index = new RecordIndex();
    index.change(undefined, each as ContainerRecord);
    expect(hasOldStrictCopies(index, 'a')).toBe(expected);
  });
});
