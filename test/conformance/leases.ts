import { afterEach, describe, expect, it } from 'vitest';
import type { Lease, LeaseStore } from '../../src/kv/lease.ts';
import type { RecordStore } from '../../src/kv/record-store.ts';

/** A store with leases and the hands of its world. */
export interface LeaseWorld {
  /** Empty at first. */
  readonly records: RecordStore;
  readonly leases: LeaseStore;
  /** Another client of the same store; the same one where a store has one client only. */
  readonly rival: { readonly records: RecordStore; readonly leases: LeaseStore };
  /** What leases are asked for, in milliseconds: short. */
  readonly ttlMs: number;
  /** Cuts `leases` and `records` off from the store, for longer than leases live, until mended; absent where nothing lies between. */
  readonly cut?: () => void;
  readonly mend?: () => void;
  /** Ends `leases` and `records`; the rival stays. */
  closeStore(): Promise<void>;
  close(): Promise<void>;
}

/** Where no test waits for the end of a lease, none comes because the machine is busy. */
const LONG_MS = 300_000;
/** A machine that stands still for as long as a short lease lives loses it: then the test begins anew. */
const AGAIN = { retry: 4 } as const;

/** What every lease store promises, run against the worlds `open` makes. */
export function testLeases(name: string, open: () => Promise<LeaseWorld>): void {
  describe(`leases of ${name}`, () => {
    const opened: LeaseWorld[] = [];
    let stop = new AbortController();
    const openWorld = async (): Promise<LeaseWorld> => {
      const world = await open();
      opened.push(world);
      return world;
    };
    const acquire = (from: LeaseStore, holder: string, ttlMs = LONG_MS, lease = 'primary'): Promise<Lease> =>
      from.acquire(lease, holder, { ttlMs, signal: stop.signal });
    const holders = (from: LeaseStore): AsyncIterator<string | undefined> =>
      from.holders('primary', stop.signal)[Symbol.asyncIterator]();
    afterEach(async () => {
      stop.abort();
      stop = new AbortController();
      for (const world of opened.splice(0)) await world.close();
    });

    it('are one holder’s at a time, with a greater term each', async () => {
      const world = await openWorld();
      const first = await acquire(world.leases, 'a');
      expect(first).toMatchObject({ name: 'primary' });
      expect(first.remainingMs()).toBeGreaterThan(0);
      let isTaken = false;
      const second = acquire(world.rival.leases, 'b').then((lease) => {
        isTaken = true;
        return lease;
      });
      const other = await acquire(world.rival.leases, 'b', LONG_MS, 'another');
      expect([isTaken, first.lost.aborted, other.lost.aborted]).toEqual([false, false, false]);
      await first.release();
      await first.release();
      expect(first.lost.reason).toMatchObject({ code: 'LEASE_LOST', message: expect.stringMatching(/^[^\n]+$/) });
      expect(first.remainingMs()).toBe(0);
      expect((await second).term).toBeGreaterThan(first.term);
      const third = acquire(world.leases, 'a');
      await (await second).release();
      expect((await third).term).toBeGreaterThan((await second).term);
    });

    it('are not taken by one who no longer waits', async () => {
      const world = await openWorld();
      const first = await acquire(world.leases, 'a');
      const given = new AbortController();
      const second = world.rival.leases.acquire('primary', 'b', { ttlMs: LONG_MS, signal: given.signal });
      given.abort(new Error('no longer wanted'));
      await expect(second).rejects.toThrow('no longer wanted');
      await first.release();
      await acquire(world.leases, 'c');
    });

    it('tell who holds them', async () => {
      const world = await openWorld();
      const told = holders(world.rival.leases);
      expect(await next(told)).toBeUndefined();
      const waiting = next(told);
      const first = await acquire(world.leases, 'tcp://10.0.0.1:2376');
      expect(await waiting).toBe('tcp://10.0.0.1:2376');
      expect(await next(holders(world.leases))).toBe('tcp://10.0.0.1:2376');
      const gone = next(told);
      await first.release();
      expect(await gone).toBeUndefined();
      stop.abort();
      expect((await told.next()).done).toBe(true);
    });

    it('let their holder write, and nobody who lost one', async () => {
      const world = await openWorld();
      const first = await acquire(world.leases, 'a');
      const under = { lease: first };
      const made = await world.records.write([{ key: 'k', value: '1', expected: 'absent' }], under);
      await expect(world.records.write([{ key: 'k', value: 'x', expected: 'absent' }], under)).rejects.toMatchObject({
        code: 'RECORD_CHANGED',
      });
      await first.release();
      const late = [
        world.records.write([{ key: 'k', value: '2', expected: made }], under),
        world.records.write([{ key: 'l', value: '2' }], under),
      ];
      const free = world.records.write([{ key: 'm', value: '1' }]);
      for (const each of late) await expect(each).rejects.toMatchObject({ code: 'LEASE_LOST' });
      await free;
      const second = await acquire(world.rival.leases, 'b');
      await expect(world.records.write([{ key: 'k', value: '3' }], under)).rejects.toMatchObject({
        code: 'LEASE_LOST',
      });
      expect(await world.rival.records.get('k')).toMatchObject({ value: '1' });
      expect(await world.rival.records.get('l')).toBeUndefined();
      await world.rival.records.write([{ key: 'k', value: '4' }], { lease: second });
    });

    it('stay their holder’s for longer than they live, as long as the store is reached', AGAIN, async () => {
      const world = await openWorld();
      const first = await acquire(world.leases, 'a', world.ttlMs);
      const over = new AbortController();
      const second = world.rival.leases.acquire('primary', 'b', { ttlMs: world.ttlMs, signal: over.signal });
      second.catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, Math.min(2 * world.ttlMs, 12_000)));
      expect(first.lost.aborted).toBe(false);
      await world.records.write([{ key: 'k', value: '1' }], { lease: first });
      over.abort();
    });

    it('are lost by a holder that is cut off, before they are another’s', async () => {
      const world = await openWorld();
      const { cut, mend } = world;
      if (!cut || !mend) return;
      const first = await acquire(world.leases, 'a', world.ttlMs);
      const second = acquire(world.rival.leases, 'b', world.ttlMs);
      const losses: string[] = [];
      first.lost.addEventListener('abort', () => losses.push('lost'));
      const taken = second.then(() => losses.push('taken'));
      cut();
      await taken;
      expect(losses).toEqual(['lost', 'taken']);
      expect(first.lost.reason).toMatchObject({ code: 'LEASE_LOST' });
      mend();
      await expect(world.records.write([{ key: 'k', value: '1' }], { lease: first })).rejects.toMatchObject({
        code: 'LEASE_LOST',
      });
      await (await second).release();
      expect((await acquire(world.leases, 'a', world.ttlMs)).term).toBeGreaterThan((await second).term);
    });

    it('end with their store', async () => {
      const world = await openWorld();
      const first = await acquire(world.leases, 'a');
      const waiting = acquire(world.leases, 'b');
      const told = holders(world.leases);
      await next(told);
      const refused = expect(waiting).rejects.toMatchObject({ code: 'STORE_CLOSED' });
      await world.closeStore();
      await refused;
      expect(first.lost.reason).toMatchObject({ code: 'LEASE_LOST' });
      expect((await told.next()).done).toBe(true);
    });
  });
}

async function next(told: AsyncIterator<string | undefined>): Promise<string | undefined> {
  const { done, value } = await told.next();
  if (done) throw new Error('nothing more is told');
  return value;
}
