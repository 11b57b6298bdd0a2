import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { RecordStore } from '../../src/kv/record-store.ts';
import type { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { testLeases } from '../conformance/leases.ts';
import { testRecordStore } from '../conformance/store.ts';
import { Link } from './link.ts';

/** One kind of store, with servers that run. */
export interface SharedStoreKind {
  /** Of leases in the suite. */
  readonly ttlMs: number;
  /** Characters of a value that fits, and of one that does not. */
  readonly large: number;
  readonly tooLarge: number;
  ports(): readonly number[];
  /** A client of the servers `host:port,…`. */
  open(hosts: string, prefix: string): Promise<SharedStore>;
}

/** What holds of every store that managers share, on real servers, and with lines to them that are cut. */
export function testSharedStore(name: string, kind: SharedStoreKind): void {
  const hosts = (): string =>
    kind
      .ports()
      .map((port) => `127.0.0.1:${port}`)
      .join(',');

  testRecordStore(name, async () => {
    const prefix = randomUUID();
    const store = await kind.open(hosts(), prefix);
    const opened = [store];
    const another = async (): Promise<SharedStore> => {
      const next = await kind.open(hosts(), prefix);
      opened.push(next);
      return next;
    };
    return {
      records: store.records('one'),
      others: store.records('other'),
      tooLarge: 'x'.repeat(kind.tooLarge),
      large: Math.min(400_000, kind.large),
      reopen: async () => {
        await store.close();
        return (await another()).records('one');
      },
      close: async () => {
        for (const each of opened) await each.close();
      },
    };
  });

  testLeases(name, async () => {
    const prefix = randomUUID();
    const links = await Promise.all(kind.ports().map((port) => Link.to(port)));
    const store = await kind.open(links.map(({ port }) => `127.0.0.1:${port}`).join(','), prefix);
    const rival = await kind.open(hosts(), prefix);
    const set = (state: Parameters<Link['set']>[0]) => (): void => {
      for (const link of links) link.set(state);
    };
    return {
      records: store.records('one'),
      leases: store.leases,
      rival: { records: rival.records('one'), leases: rival.leases },
      ttlMs: kind.ttlMs,
      cut: set('cut'),
      mend: set('whole'),
      closeStore: () => store.close(),
      close: async () => {
        await store.close();
        await rival.close();
        for (const link of links) await link.close();
      },
    };
  });

  describe(`the line to ${name}`, () => {
    const overLinks = async (
      work: (world: { records: RecordStore; rival: RecordStore; set: Link['set'] }) => Promise<void>,
    ): Promise<void> => {
      const prefix = randomUUID();
      const links = await Promise.all(kind.ports().map((port) => Link.to(port)));
      const store = await kind.open(links.map(({ port }) => `127.0.0.1:${port}`).join(','), prefix);
      const rival = await kind.open(hosts(), prefix);
      const set: Link['set'] = (state) => {
        for (const link of links) link.set(state);
      };
      try {
        await work({ records: store.records('one'), rival: rival.records('one'), set });
      } finally {
        await store.close();
        await rival.close();
        for (const link of links) await link.close();
      }
    };

    it('may lose the answer to a write, which is made once all the same', () =>
      overLinks(async ({ records, rival, set }) => {
        let revision = await records.write([{ key: 'k', value: '0' }]);
        for (let i = 1; i <= 5; i++) {
          set('answers lost');
          const write = records.write([{ key: 'k', value: `${i}`, expected: revision }]);
          await Promise.race([seen(rival, 'k', `${i}`), new Promise((resolve) => setTimeout(resolve, 500))]);
          set('whole');
          revision = await write;
          expect(await rival.get('k')).toEqual({ key: 'k', value: `${i}`, revision });
        }
        expect(await rival.snapshot(() => undefined)).toBe(revision);
      }));

    it('may be cut while many write, and each write is made once or refused', () =>
      overLinks(async ({ records, rival, set }) => {
        const flapping = (async () => {
          for (let i = 0; i < 6; i++) {
            await new Promise((resolve) => setTimeout(resolve, 30));
            set(i % 2 === 0 ? 'cut' : 'answers lost');
            await new Promise((resolve) => setTimeout(resolve, 30));
            set('whole');
          }
        })();
        let made = 0;
        const increment = async (): Promise<void> => {
          for (;;) {
            try {
              const found = await records.get('count');
              const value = String(Number(found?.value ?? 0) + 1);
              await records.write([{ key: 'count', value, expected: found?.revision ?? 'absent' }]);
              made += 1;
              return;
            } catch (error) {
              const { code } = error as { code?: string };
              if (code !== 'RECORD_CHANGED' && code !== 'STORE_UNAVAILABLE') throw error;
            }
          }
        };
        await Promise.all(Array.from({ length: 20 }, increment));
        await flapping;
        expect((await rival.get('count'))?.value).toBe(String(made));
      }));

    it('may be silent for a while, and watches go on', () =>
      overLinks(async ({ records, rival, set }) => {
        const start = await rival.write([{ key: 'k', value: '0' }]);
        const told = records.watch(start, new AbortController().signal)[Symbol.asyncIterator]();
        const first = told.next();
        await rival.write([{ key: 'k', value: '1' }]);
        expect((await first).value).toMatchObject({ changes: [{ key: 'k', value: '1' }] });
        set('cut');
        const next = told.next();
        const revision = await rival.write([{ key: 'k', value: '2' }]);
        set('whole');
        expect((await next).value).toEqual({ revision, changes: [{ key: 'k', value: '2' }] });
      }));
  });
}

/** Resolves when a record has a value. */
async function seen(records: RecordStore, key: string, value: string): Promise<void> {
  while ((await records.get(key))?.value !== value) await new Promise((resolve) => setTimeout(resolve, 20));
}
