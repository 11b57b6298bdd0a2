import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { parseFilters } from './filters/query.ts';
import { NO_REFRESH, type RefreshFilters, refreshFor } from './refresh-filters.ts';

const BOTH: RefreshFilters = { onNode: true, onNames: ['web'] };

async function askedFor(filters: object, refresh: RefreshFilters): Promise<readonly string[]> {
  const asked: string[] = [];
  const healthyNodes = (): unknown[] =>
    ['one', 'two'].map((name) => ({ name, id: `id-${name}`, refreshAllContainers: async () => asked.push(name) }));
  const clock = new FakeClock();
  const cluster = { healthyNodes } as unknown as Cluster;
  await refreshFor({ cluster, clock }, parseFilters(JSON.stringify(filters)), refresh);
  expect(clock.sleeping).toBe(0);
  return asked;
}

test.each([
  { name: 'nothing is asked by default', filters: { node: ['one'], name: ['web'] }, refresh: NO_REFRESH, asked: [] },
  { name: 'the node named', filters: { node: ['one'] }, refresh: BOTH, asked: ['one'] },
  { name: 'the node by its ID', filters: { node: ['id-two'] }, refresh: BOTH, asked: ['two'] },
  { name: 'all for a name that is watched', filters: { name: ['web'] }, refresh: BOTH, asked: ['one', 'two'] },
  { name: 'none for another name', filters: { name: ['db'] }, refresh: BOTH, asked: [] },
  { name: 'none for other filters', filters: { label: ['a'] }, refresh: BOTH, asked: [] },
])('$name', async ({ filters, refresh, asked }) => {
  expect(await askedFor(filters, refresh)).toEqual(asked);
});

test('a node that does not answer delays a listing by two seconds at most', async () => {
  const clock = new FakeClock();
  const healthyNodes = (): unknown[] => [{ name: 'one', id: 'i', refreshAllContainers: () => new Promise(() => {}) }];
  const cluster = { healthyNodes } as unknown as Cluster;
  const listed = refreshFor({ cluster, clock }, parseFilters('{"node":["one"]}'), BOTH);
  clock.advance(2_000);
  await expect(listed).resolves.toBeUndefined();
});
