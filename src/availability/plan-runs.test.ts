import { describe, expect, test } from 'vitest';
import { FakeCluster } from '../../test/fakes/fake-cluster.ts';
import { fullDiskRecords, memoryDesired } from '../../test/fakes/memory-records.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { Plan } from './plan.ts';
import { PlanRuns } from './plan-runs.ts';

/** One container to move, and a lifecycle whose moves last until they are given up. */
async function inWorld(
  act: (world: {
    readonly open: () => Promise<PlanRuns>;
    readonly plan: Plan;
    readonly began: string[];
    readonly disk: { isFull: boolean };
    /** Undoing a move takes as long as its manager lives. */
    readonly undo: { isSlow: boolean };
  }) => Promise<void>,
): Promise<void> {
  await using fake = await FakeCluster.start([{}, {}]);
  const disk = { isFull: false };
  const undo = { isSlow: false };
  const records = fullDiskRecords(disk);
  const desired = await memoryDesired();
  const [from, to] = fake.nodes.map(({ id, name }) => ({ id, name })) as [
    { readonly id: string; readonly name: string },
    { readonly id: string; readonly name: string },
  ];
  const current = { nodeId: from.id, engineId: 'e1', attempt: 'a1', generation: 0 };
  const record = { format: 1, key: 'k1', id: 'c1', name: 'web', current, wanted: 'running', terms: {} };
  await desired.add(record as unknown as ContainerRecord, {
    format: 1,
    source: { text: '{}', api: '1.44' } as never,
    amendments: [],
  });
  const container = { key: 'k1', id: 'c1', name: 'web' };
  const move = { container, from, to, how: 'start-first', why: 'a test', generation: 0, loses: [] } as const;
  const began: string[] = [];
  const open = (): Promise<PlanRuns> => {
    const stops = new AbortController();
    const given = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        const end = (): void => reject(signal.reason);
        if (signal.aborted) end();
        else signal.addEventListener('abort', end, { once: true });
      });
    return PlanRuns.open({
      ...records,
      cluster: fake.cluster,
      desired,
      lifecycle: {
        moveTogether: (members: readonly { readonly key: string }[], _order: unknown, signal?: AbortSignal) => {
          began.push(...members.map(({ key }) => key));
          return given(AbortSignal.any([stops.signal, ...(signal && !undo.isSlow ? [signal] : [])]));
        },
        mover: {
          isOn: true,
          stop: async () => stops.abort(new Error('the manager stops')),
        },
      } as never,
      sizes: { note: () => undefined },
      leaving: { note: () => [], pause: async () => undefined, settle: async () => undefined } as never,
      clock: systemClock,
      logger: silentLogger(),
    });
  };
  await act({ open, plan: { reason: { kind: 'move' }, moves: [move], stays: [] }, began, disk, undo });
}

const OPTIONS = { atOnce: 1, keepSourceMs: 0 } as const;

describe('a plan that a person stopped', () => {
  test('begins nothing more, also when the manager is started anew', async () => {
    await inWorld(async ({ open, plan, began, undo }) => {
      undo.isSlow = true;
      const first = await open();
      first.start();
      const id = await first.accept(plan, OPTIONS);
      await expect.poll(() => began).toEqual(['k1']);
      // The manager is killed once that is answered: nothing of it ends in good order.
      await first.end(id);
      const kept = await open();
      kept.start();
      await expect.poll(() => kept.get(id).isOver).toBe(true);
      expect(kept.get(id).moves).toMatchObject([{ state: 'skipped', why: 'the plan was stopped' }]);
      expect(began).toEqual(['k1']);
      await kept.stop();
      const later = await open();
      later.start();
      expect(later.list()).toEqual([]);
    });
  });

  test('is stopped, and the failure told, when that cannot be written', async () => {
    await inWorld(async ({ open, plan, disk }) => {
      const runs = await open();
      runs.start();
      const id = await runs.accept(plan, OPTIONS);
      disk.isFull = true;
      await expect(runs.end(id)).rejects.toThrow(/No space left/);
      await expect.poll(() => runs.get(id).isOver).toBe(true);
      expect(runs.get(id).moves).toMatchObject([{ state: 'skipped' }]);
    });
  });
});

test('of plans that are to be the only one of their kind, one of two that come at once is taken', async () => {
  await inWorld(async ({ open, plan }) => {
    const runs = await open();
    runs.start();
    const both = await Promise.allSettled([1, 2].map(() => runs.accept(plan, OPTIONS, { isOnly: true })));
    expect(both).toMatchObject([{ status: 'fulfilled' }, { status: 'rejected', reason: { code: 'PLAN_RUNNING' } }]);
    expect(runs.list()).toHaveLength(1);
    await runs.stop();
  });
});

test('a plan goes on when the manager is started anew', async () => {
  await inWorld(async ({ open, plan, began }) => {
    const first = await open();
    first.start();
    await first.accept(plan, OPTIONS);
    await expect.poll(() => began).toEqual(['k1']);
    await first.stop();
    const next = await open();
    next.start();
    await expect.poll(() => began).toEqual(['k1', 'k1']);
    await next.stop();
  });
});
