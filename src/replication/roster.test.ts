import { afterEach, expect, test } from 'vitest';
import { MemoryKeyServer, MemoryKeyspace } from '../../test/fakes/memory-keyspace.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { SharedStore } from '../kv/shared/shared-store.ts';
import { Roster } from './roster.ts';

const stores: SharedStore[] = [];

afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

function roster(server: MemoryKeyServer, self: string): Roster {
  const store = new SharedStore(new MemoryKeyspace(server));
  stores.push(store);
  return new Roster({ records: store.records('managers'), self, clock: systemClock, logger: silentLogger() });
}

test('managers know each other while they run', async () => {
  const server = new MemoryKeyServer();
  const [a, b, c] = ['a:1', 'b:1', 'c:1'].map((self) => roster(server, self)) as [Roster, Roster, Roster];
  for (const each of [a, b, c]) each.enter();
  await expect.poll(async () => [...(await a.others())].sort()).toEqual(['b:1', 'c:1']);
  await b.close();
  await b.close();
  expect(await a.others()).toEqual(['c:1']);
  expect(await c.others()).toEqual(['a:1']);
});

test('one that was killed stays among them, and is there once when it starts again', async () => {
  const server = new MemoryKeyServer();
  const a = roster(server, 'a:1');
  roster(server, 'b:1').enter();
  await expect.poll(() => a.others()).toEqual(['b:1']);
  roster(server, 'b:1').enter();
  await expect.poll(() => a.others()).toEqual(['b:1']);
});
