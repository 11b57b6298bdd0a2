import { afterEach, describe, expect, it } from 'vitest';
import type { CommittedWrite, RecordStore, Revision, StoredRecord } from '../../src/kv/record-store.ts';

/** A store and the hands of its world. */
export interface StoreWorld {
  /** Empty at first. */
  readonly records: RecordStore;
  /** Another kind of records in the same store. */
  readonly others: RecordStore;
  /** The same records after the store was closed and opened again; absent where nothing is kept. */
  readonly reopen?: () => Promise<RecordStore>;
  /** Makes writes fail until mended; absent where they cannot be made to. */
  readonly breakIt?: () => void;
  readonly mend?: () => void;
  /** Makes the store forget the writes made so far, but not what they wrote; absent where only many further writes do. */
  readonly forget?: () => Promise<void>;
  /** A value that has no room; absent where any has. */
  readonly tooLarge?: string;
  /** Characters of a value that has room, where 400,000 have none. */
  readonly large?: number;
  close(): Promise<void>;
}

/** More writes than any store remembers for watches. */
const TOO_MANY_WRITES = 2_000;

/** What every record store promises, run against the worlds `open` makes. */
export function testRecordStore(name: string, open: () => Promise<StoreWorld>): void {
  describe(`record store ${name}`, () => {
    const opened: StoreWorld[] = [];
    let stop = new AbortController();
    const openWorld = async (): Promise<StoreWorld> => {
      const world = await open();
      opened.push(world);
      return world;
    };
    const watch = (records: RecordStore, after: Revision): AsyncIterator<CommittedWrite> =>
      records.watch(after, stop.signal)[Symbol.asyncIterator]();
    afterEach(async () => {
      stop.abort();
      stop = new AbortController();
      for (const world of opened.splice(0)) await world.close();
    });

    it('gets what was written, and nothing else', async () => {
      const { records, others } = await openWorld();
      const revision = await records.write([{ key: 'a/b', value: '{"x":"é"}' }]);
      expect(await records.get('a/b')).toEqual({ key: 'a/b', value: '{"x":"é"}', revision });
      for (const key of ['a', 'a/', 'a/b/', 'b']) expect(await records.get(key)).toBeUndefined();
      expect(await others.get('a/b')).toBeUndefined();
      await records.write([{ key: 'a/b' }]);
      expect(await records.get('a/b')).toBeUndefined();
    });

    it('shows all records as of one revision, in key order', async () => {
      const { records, others } = await openWorld();
      await others.write([{ key: 'x', value: '1' }]);
      await records.write(['c', 'a', 'b'].map((key) => ({ key, value: key })));
      const revision = await records.write([{ key: 'b' }]);
      const shown = await snapshot(records);
      expect(shown.revision).toBe(revision);
      expect(shown.records.map(({ key, value }) => [key, value])).toEqual([
        ['a', 'a'],
        ['c', 'c'],
      ]);
    });

    it('shows no half of a write in a snapshot', async () => {
      const { records } = await openWorld();
      const pair = (value: string): Promise<Revision> =>
        records.write([
          { key: 'a', value },
          { key: 'b', value },
        ]);
      await pair('0');
      const writing = Array.from({ length: 50 }, (_, i) => pair(String(i)));
      for (let look = 0; look < 20; look++) {
        const [a, b] = (await snapshot(records)).records;
        expect(a?.value).toBe(b?.value);
      }
      await Promise.all(writing);
    });

    it('goes on from a snapshot without a gap or a repetition', async () => {
      const { records } = await openWorld();
      const writing = Array.from({ length: 100 }, (_, i) => records.write([{ key: `k${i}`, value: String(i) }]));
      const shown = await snapshot(records);
      const revisions = await Promise.all(writing);
      const events = watch(records, shown.revision);
      const keys = shown.records.map(({ key }) => key);
      while (keys.length < 100) keys.push(...(await next(events)).changes.map(({ key }) => key));
      expect(new Set(keys).size).toBe(100);
      expect(revisions).toEqual([...revisions].sort((one, other) => one - other));
    });

    it('tells every watch each write once, whole and in order, removals too', async () => {
      const { records, others } = await openWorld();
      const { revision: start } = await snapshot(records);
      const [first, second] = [watch(records, start), watch(records, start)];
      const told = next(first);
      const one = await records.write([
        { key: 'a', value: '1' },
        { key: 'b', value: '2' },
      ]);
      await others.write([{ key: 'a', value: 'other' }]);
      const two = await records.write([{ key: 'a' }]);
      const expected = [
        {
          revision: one,
          changes: [
            { key: 'a', value: '1' },
            { key: 'b', value: '2' },
          ],
        },
        { revision: two, changes: [{ key: 'a' }] },
      ];
      expect([await told, await next(first)]).toEqual(expected);
      expect([await next(second), await next(second)]).toEqual(expected);
      expect(await next(watch(records, one))).toEqual(expected[1]);
    });

    it('ends a watch whose signal is aborted, and all of them when the store is closed', async () => {
      const world = await openWorld();
      const { revision } = await snapshot(world.records);
      const own = new AbortController();
      const waiting = world.records.watch(revision, own.signal)[Symbol.asyncIterator]().next();
      const other = watch(world.records, revision).next();
      own.abort();
      expect(await waiting).toMatchObject({ done: true });
      await world.close();
      expect(await other).toMatchObject({ done: true });
    });

    it('tells a follower each write once and in order, before its call resolves', async () => {
      const { records } = await openWorld();
      if (!records.follow) return;
      const { revision: start } = await snapshot(records);
      const one = await records.write([{ key: 'a', value: '1' }]);
      const heard: CommittedWrite[] = [];
      const own = new AbortController();
      const following = records.follow(start, (write) => heard.push(write), own.signal);
      const two = await records.write([{ key: 'a', value: '2' }, { key: 'b' }]);
      const expected = [
        { revision: one, changes: [{ key: 'a', value: '1' }] },
        { revision: two, changes: [{ key: 'a', value: '2' }, { key: 'b' }] },
      ];
      expect(heard).toEqual(expected);
      own.abort();
      await following;
      await records.write([{ key: 'a', value: '3' }]);
      expect(heard).toEqual(expected);
    });

    it('ends following when the store is closed, and rejects it where its listener throws or writes are not known any more', async () => {
      const world = await openWorld();
      const { records } = world;
      if (!records.follow) return;
      const { revision } = await snapshot(records);
      const open = records.follow(revision, () => undefined, stop.signal);
      const failing = records.follow(revision, () => expect.fail('a listener failed'), stop.signal);
      const failed = expect(failing).rejects.toThrow('a listener failed');
      for (let i = 0; i < TOO_MANY_WRITES; i++) await records.write([{ key: 'a', value: `${i}` }]);
      await failed;
      const late = records.follow(revision, () => undefined, stop.signal);
      await expect(late).rejects.toMatchObject({ code: 'REVISION_GONE' });
      await world.close();
      await open;
    });

    it('says so to a watch from a revision whose writes are not known any more', async () => {
      const { records, forget } = await openWorld();
      const { revision } = await snapshot(records);
      const events = watch(records, revision);
      const count = forget ? 5 : TOO_MANY_WRITES;
      const writes = Array.from({ length: count }, (_, i) => records.write([{ key: 'k', value: `${i}` }]));
      await Promise.all(writes);
      await forget?.();
      await expect(events.next()).rejects.toMatchObject({ code: 'REVISION_GONE' });
      const later = await snapshot(records);
      expect(later.records.map(({ value }) => value)).toEqual([String(count - 1)]);
      const told = next(watch(records, later.revision));
      await records.write([{ key: 'k' }]);
      expect((await told).changes).toEqual([{ key: 'k' }]);
    });

    it('tells a watch that keeps up also of a very large write', async () => {
      const { records, large = 400_000 } = await openWorld();
      const events = watch(records, (await snapshot(records)).revision);
      const value = 'x'.repeat(large);
      for (const key of ['a', 'b']) {
        const told = next(events);
        await records.write([{ key, value }]);
        expect((await told).changes).toEqual([{ key, value }]);
      }
    });

    it('writes all changes or none when something is expected', async () => {
      const { records } = await openWorld();
      const made = await records.write([{ key: 'a', value: '1', expected: 'absent' }]);
      const changed = { code: 'RECORD_CHANGED', message: expect.stringMatching(/^[^\n]+$/) };
      const refused = (key: string, expected: Revision | 'absent'): Promise<void> =>
        expect(
          records.write([
            { key: 'b', value: 'x' },
            { key, value: 'x', expected },
          ]),
        ).rejects.toMatchObject(changed);
      await refused('a', 'absent');
      await refused('c', made);
      const again = await records.write([{ key: 'a', value: '2', expected: made }]);
      await refused('a', made);
      await records.write([{ key: 'a', expected: again }]);
      await refused('a', again);
      await records.write([{ key: 'a', value: '3', expected: 'absent' }]);
      await refused('a', again);
      expect((await snapshot(records)).records.map(({ key, value }) => [key, value])).toEqual([['a', '3']]);
    });

    it('takes the revisions of a snapshot and of a get for what is expected', async () => {
      const { records } = await openWorld();
      await records.write([
        { key: 'a', value: '1' },
        { key: 'b', value: '1' },
      ]);
      const shown = await snapshot(records);
      for (const { key, revision } of shown.records) await records.write([{ key, value: '2', expected: revision }]);
      const { revision = 0 } = (await records.get('a')) ?? {};
      await records.write([{ key: 'a', value: '3', expected: revision }]);
      const late = records.write([{ key: 'b', value: '3', expected: shown.revision }]);
      await expect(late).rejects.toMatchObject({ code: 'RECORD_CHANGED' });
    });

    it('lets one of many win', async () => {
      const { records } = await openWorld();
      let expected: Revision | 'absent' = 'absent';
      for (let round = 0; round < 5; round++) {
        const racers = Array.from({ length: 9 }, (_, i) =>
          records.write([{ key: 'a', value: `${round}/${i}`, expected }]),
        );
        const won = (await Promise.allSettled(racers)).flatMap((each) =>
          each.status === 'fulfilled' ? each.value : [],
        );
        expect(won).toHaveLength(1);
        expect(await records.get('a')).toMatchObject({ revision: won[0] });
        expected = won[0] as Revision;
      }
    });

    it('loses no count of many that read, compare and write', async () => {
      const { records } = await openWorld();
      const increment = async (): Promise<void> => {
        for (;;) {
          const found = await records.get('count');
          const write = { key: 'count', value: String(Number(found?.value ?? 0) + 1) };
          const wrote = await records.write([{ ...write, expected: found?.revision ?? 'absent' }]).then(
            () => true,
            () => false,
          );
          if (wrote) return;
        }
      };
      await Promise.all(Array.from({ length: 30 }, increment));
      expect((await records.get('count'))?.value).toBe('30');
    });

    it('refuses what it has no room for, and only that', async () => {
      const { records, tooLarge } = await openWorld();
      if (tooLarge === undefined) return;
      const small = records.write([{ key: 'small', value: '1' }]);
      const large = records.write([{ key: 'large', value: tooLarge }]);
      const many = Array.from({ length: 2_000 }, (_, i) => ({ key: `k${i}`, value: '1' }));
      const refusal = { code: 'RECORD_TOO_LARGE', status: 413, message: expect.stringMatching(/^[^\n]+$/) };
      for (const each of [large, records.write(many)]) await expect(each).rejects.toMatchObject(refusal);
      await small;
      expect((await snapshot(records)).records.map(({ key }) => key)).toEqual(['small']);
    });

    it('has all that was written after it was opened again', async () => {
      const { records, reopen } = await openWorld();
      if (!reopen) return;
      await records.write([
        { key: 'kept', value: '1' },
        { key: 'gone', value: '2' },
      ]);
      await records.write([{ key: 'gone' }]);
      const again = await reopen();
      const shown = await snapshot(again);
      expect(shown.records.map(({ key, value }) => [key, value])).toEqual([['kept', '1']]);
      const expected = shown.records[0]?.revision ?? 0;
      await expect(again.write([{ key: 'kept', value: '3', expected: 'absent' }])).rejects.toThrow();
      await again.write([{ key: 'kept', value: '2', expected }]);
      expect((await again.get('kept'))?.value).toBe('2');
    });

    it('never shows a write that was rejected', async () => {
      const { records, breakIt, mend } = await openWorld();
      if (!breakIt || !mend) return;
      const kept = await records.write([{ key: 'kept', value: '1' }]);
      const events = watch(records, kept);
      breakIt();
      const refused = [
        records.write([{ key: 'new', value: '1', expected: 'absent' }]),
        records.write([{ key: 'new', value: '2', expected: 'absent' }]),
        records.write([{ key: 'kept' }]),
      ];
      for (const each of await Promise.allSettled(refused)) expect(each.status).toBe('rejected');
      mend();
      expect((await snapshot(records)).records).toEqual([{ key: 'kept', value: '1', revision: kept }]);
      const last = await records.write([{ key: 'kept', value: '2', expected: kept }]);
      expect(await next(events)).toEqual({ revision: last, changes: [{ key: 'kept', value: '2' }] });
    });
  });
}

/** All records of a store, and the revision they are as of. */
async function snapshot(
  records: RecordStore,
): Promise<{ readonly revision: Revision; readonly records: readonly StoredRecord[] }> {
  const found: StoredRecord[] = [];
  const revision = await records.snapshot((record) => found.push(record));
  return { revision, records: found };
}

async function next(events: AsyncIterator<CommittedWrite>): Promise<CommittedWrite> {
  const { done, value } = await events.next();
  if (done) throw new Error('the watch has ended');
  return value;
}
