import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type StoreWorld, testRecordStore } from '../../test/conformance/store.ts';
import { type EmbeddedStore, openEmbeddedStore } from './embedded.ts';
import { EmbeddedRecords } from './embedded-records.ts';
import { MemoryStore } from './memory.ts';
import type { StoredRecord } from './record-store.ts';

/** A store whose writes fail while it is broken. */
class Breakable implements EmbeddedStore {
  isBroken = false;
  readonly #store: EmbeddedStore;

  constructor(store: EmbeddedStore) {
    this.#store = store;
  }

  get: EmbeddedStore['get'] = (key) => this.#store.get(key);
  pairs: EmbeddedStore['pairs'] = (prefix) => this.#store.pairs(prefix);
  close: EmbeddedStore['close'] = () => this.#store.close();
  write: EmbeddedStore['write'] = async (changes, sync) => {
    if (this.isBroken) throw new Error('the disk is full');
    await this.#store.write(changes, sync);
  };
}

function worldOver(store: EmbeddedStore): StoreWorld & { closeRecords(): Promise<void> } {
  const breakable = new Breakable(store);
  const [records, others] = [new EmbeddedRecords(breakable, 'one/'), new EmbeddedRecords(breakable, 'other/')];
  const closeRecords = async (): Promise<void> => {
    await records.close();
    await others.close();
    await store.close();
  };
  return {
    records,
    others,
    breakIt: () => {
      breakable.isBroken = true;
    },
    mend: () => {
      breakable.isBroken = false;
    },
    closeRecords,
    close: closeRecords,
  };
}

testRecordStore('embedded, in memory', async () => worldOver(new MemoryStore()));

testRecordStore('embedded, on disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-records-'));
  const world = worldOver(await openEmbeddedStore(folder));
  let again: EmbeddedStore | undefined;
  return {
    ...world,
    reopen: async () => {
      await world.closeRecords();
      again = await openEmbeddedStore(folder);
      return new EmbeddedRecords(again, 'one/');
    },
    close: async () => {
      await world.closeRecords();
      await again?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
});

test('a record that changes while a snapshot is read does not pass a compare with what the snapshot showed', async () => {
  const records = new EmbeddedRecords(new MemoryStore(), 'one/');
  await records.write(['a', 'b', 'c'].map((key) => ({ key, value: '1' })));
  const writing: Promise<unknown>[] = [];
  const shown: StoredRecord[] = [];
  await records.snapshot((record) => {
    writing.push(records.write([{ key: 'c', value: '2' }]));
    shown.push(record);
  });
  await Promise.all(writing);
  const late = shown.map(({ key, revision }) => records.write([{ key, value: '3', expected: revision }]));
  const results = await Promise.allSettled(late);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
});

test('what is to survive nothing yet is not synchronized, unless something else goes with it', async () => {
  const store = new MemoryStore();
  const asked: (string | undefined)[] = [];
  const write = store.write.bind(store);
  store.write = async (changes, ...rest: unknown[]) => {
    asked.push(rest[0] as string | undefined);
    await write(changes);
  };
  const records = new EmbeddedRecords(store, 'one/');
  await records.write([{ key: 'a', value: '1' }], { survives: 'nothing' });
  await records.write([{ key: 'a', value: '2' }]);
  await Promise.all([
    records.write([{ key: 'a', value: '3' }], { survives: 'nothing' }),
    records.write([{ key: 'b', value: '1' }]),
  ]);
  expect(asked).toEqual(['nothing', 'power loss', 'power loss']);
});
