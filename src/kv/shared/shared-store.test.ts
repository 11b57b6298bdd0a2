import { describe, expect, it } from 'vitest';
import { testLeases } from '../../../test/conformance/leases.ts';
import { testRecordStore } from '../../../test/conformance/store.ts';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { MemoryKeyServer, MemoryKeyspace } from '../../../test/fakes/memory-keyspace.ts';
import { type Clock, systemClock } from '../../common/clock.ts';
import { SharedStore } from './shared-store.ts';

interface World {
  readonly server: MemoryKeyServer;
  readonly keys: MemoryKeyspace;
  readonly store: SharedStore;
  readonly rival: SharedStore;
  close(): Promise<void>;
}

function openWorld(clock: Clock = systemClock): World {
  const server = new MemoryKeyServer();
  const keys = new MemoryKeyspace(server);
  const [store, rival] = [new SharedStore(keys, clock), new SharedStore(new MemoryKeyspace(server), clock)];
  const close = async (): Promise<void> => {
    await store.close();
    await rival.close();
  };
  return { server, keys, store, rival, close };
}

/** Removes the journal's entries, as many further writes do. */
function forget({ server }: World): void {
  for (const key of [...server.pairs.keys()]) if (/^journal\/\d/.test(key)) server.remove(key);
}

testRecordStore('shared, in memory', async () => {
  const world = openWorld();
  return {
    records: world.store.records('one'),
    others: world.store.records('other'),
    tooLarge: 'x'.repeat(500_000),
    close: world.close,
  };
});

testRecordStore('shared, written by two clients', async () => {
  const world = openWorld();
  let turn = 0;
  const [one, two] = [world.store.records('one'), world.rival.records('one')];
  const records: typeof one = {
    get: (key) => (turn++ % 2 === 0 ? one : two).get(key),
    snapshot: (visit) => (turn++ % 2 === 0 ? one : two).snapshot(visit),
    watch: (after, signal) => two.watch(after, signal),
    write: (writes) => one.write(writes),
  };
  return { records, others: world.store.records('other'), close: world.close };
});

testLeases('a shared store', async () => {
  const world = openWorld();
  return {
    records: world.store.records('one'),
    leases: world.store.leases,
    rival: { records: world.rival.records('one'), leases: world.rival.leases },
    ttlMs: 600,
    cut: () => {
      world.keys.isCut = true;
    },
    mend: () => {
      world.keys.isCut = false;
    },
    closeStore: () => world.store.close(),
    close: world.close,
  };
});

describe('a write whose answer is lost', () => {
  it.each([
    ['answer lost', 'request lost', 'late', 'answer lost'] as const,
    ['late', 'answer lost', 'request lost'] as const,
    ['request lost', 'request lost', 'answer lost', 'late', 'late'] as const,
  ])('is made once all the same: %s', async (...fates) => {
    const world = openWorld();
    const records = world.store.records('one');
    const made = await records.write([{ key: 'k', value: '0' }]);
    world.server.fates.push(...fates);
    const next = await records.write([{ key: 'k', value: '1', expected: made }]);
    for (const arrive of world.server.late) arrive();
    expect(await records.get('k')).toEqual({ key: 'k', value: '1', revision: next });
    expect(await records.snapshot(() => undefined)).toBe(next);
    await world.rival.records('one').write([{ key: 'k', value: '2', expected: next }]);
    await world.close();
  });

  it('is known again when others have written since', async () => {
    const world = openWorld();
    const [records, others] = [world.store.records('one'), world.rival.records('one')];
    await others.write([{ key: 'x', value: '0' }]);
    world.server.fates.push('answer lost');
    const write = records.write([{ key: 'k', value: '1' }]);
    const over = others.write([{ key: 'k', value: '2' }]);
    const last = (await write) > (await over) ? '1' : '2';
    expect((await records.get('k'))?.value).toBe(last);
    await world.close();
  });

  it('is said to be unknown when the store stays away', async () => {
    const clock = new FakeClock();
    const world = openWorld(clock);
    const records = world.store.records('one');
    await records.write([{ key: 'k', value: '0' }]);
    world.server.fates.push('late');
    const write = records.write([{ key: 'k', value: '1' }]);
    const failed = expect(write).rejects.toMatchObject({ code: 'WRITE_UNKNOWN', status: 503 });
    while (world.server.late.length === 0) await new Promise(setImmediate);
    world.keys.isCut = true;
    let isOver = false;
    void write.catch(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
    await failed;
    await world.close();
  });
});

describe('a store that cannot be reached', () => {
  it('refuses every waiting write after a while, and takes new ones when it is back', async () => {
    const clock = new FakeClock();
    const world = openWorld(clock);
    const records = world.store.records('one');
    await records.write([{ key: 'k', value: '0' }]);
    world.keys.isCut = true;
    const writes = Array.from({ length: 5 }, (_, i) => records.write([{ key: 'k', value: `${i}` }]));
    const settled = Promise.allSettled(writes);
    let isOver = false;
    void settled.then(() => {
      isOver = true;
    });
    while (!isOver) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
    const codes = (await settled).map((each) => each.status === 'rejected' && each.reason.code);
    expect(codes).toEqual(Array.from({ length: 5 }, () => 'STORE_UNAVAILABLE'));
    world.keys.isCut = false;
    await records.write([{ key: 'k', value: 'back' }]);
    expect((await world.rival.records('one').get('k'))?.value).toBe('back');
    await world.close();
  });

  it('is told to watches after a while', async () => {
    const clock = new FakeClock();
    const world = openWorld(clock);
    const records = world.store.records('one');
    const revision = await records.write([{ key: 'k', value: '0' }]);
    const told = records.watch(revision, new AbortController().signal)[Symbol.asyncIterator]().next();
    const failed = expect(told).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    let isOver = false;
    void failed.then(() => {
      isOver = true;
    });
    world.keys.isCut = true;
    await world.rival.records('one').write([{ key: 'k', value: '1' }]);
    while (!isOver) {
      clock.advance(1_000);
      await new Promise(setImmediate);
    }
    await world.close();
  });
});

describe('the journal', () => {
  it('refuses what a newer version wrote, and what is none', async () => {
    for (const [text, why] of [
      ['{"format":2,"revision":1,"nonce":""}', 'a newer version wrote the records (format 2)'],
      ['hello', 'the store has something else'],
    ]) {
      const world = openWorld();
      world.server.put('journal/head', text ?? '');
      const records = world.store.records('one');
      const calls = [() => records.write([{ key: 'k', value: '1' }]), () => records.snapshot(() => undefined)];
      for (const call of calls)
        await expect(call()).rejects.toMatchObject({
          code: 'STORE_FORMAT',
          message: expect.stringContaining(why ?? ''),
        });
      expect(world.server.pairs.size).toBe(1);
      await world.close();
    }
  });

  it('does not repeat large values, and says when one is gone', async () => {
    const world = openWorld();
    const records = world.store.records('one');
    const large = 'x'.repeat(100_000);
    const start = await records.write([{ key: 'a', value: 'small' }]);
    const made = await records.write([{ key: 'k', value: large }]);
    for (const [key, { value }] of world.server.pairs)
      if (key.startsWith('journal/')) expect(value.length).toBeLessThan(1_000);
    const never = new AbortController().signal;
    const watch = (): AsyncIterator<unknown> => world.rival.records('one').watch(start, never)[Symbol.asyncIterator]();
    expect((await watch().next()).value).toEqual({ revision: made, changes: [{ key: 'k', value: large }] });
    await records.write([{ key: 'k' }]);
    await expect(watch().next()).rejects.toMatchObject({ code: 'REVISION_GONE' });
    forget(world);
    await world.close();
  });

  it('keeps a bounded number of entries', async () => {
    const world = openWorld();
    const records = world.store.records('one');
    for (let i = 0; i < 1_100; i++) await records.write([{ key: 'k', value: `${i}` }]);
    const entries = [...world.server.pairs.keys()].filter((key) => /^journal\/\d/.test(key));
    expect(entries).toHaveLength(1_000);
    await world.close();
  });
});
