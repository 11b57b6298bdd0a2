import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { discoveryKey, knownClusters, newCluster, saveCluster, titleOf } from './known-cluster.ts';
import { openStateStore } from './state-store.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-clusters-'));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

test('what was saved is known again, for its owner only', async () => {
  expect(await knownClusters(folder)).toEqual([]);
  const cluster = {
    ...newCluster(folder),
    name: 'prod',
    engines: [{ id: 'e1', name: 'bee-1', entry: '10.0.0.1:2375' }],
  };
  await saveCluster(cluster);
  expect(await knownClusters(folder)).toEqual([cluster]);
  expect(titleOf(cluster)).toBe(`prod (${cluster.id})`);
  expect((await stat(join(cluster.folder, 'cluster.json'))).mode & 0o777).toBe(0o600);
});

test('members of the file that this version does not know stay; a newer format is refused', async () => {
  const cluster = newCluster(folder);
  const path = join(cluster.folder, 'cluster.json');
  await saveCluster(cluster);
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), later: 7 }));
  await saveCluster({ ...cluster, name: 'a' });
  expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({ later: 7, name: 'a' });
  await writeFile(path, JSON.stringify({ format: 2 }));
  await expect(knownClusters(folder)).rejects.toThrow(/a newer version of enxame wrote it/);
  await writeFile(path, 'half a fi');
  await expect(knownClusters(folder)).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
});

test('a folder of an earlier version becomes a cluster with an ID of its own; its name stays a mark', async () => {
  const name = discoveryKey('nodes://10.0.0.1:2375');
  const before = await openStateStore(join(folder, 'clusters', name));
  await before.records('volumes').write([{ key: 'data', value: '{"name":"data"}' }]);
  const known = '{"swarmId":"s","nodes":[{"nodeId":"n","memberId":"engine-1"}]}';
  await before.records('substrate').write([{ key: 'known', value: known }]);
  // While a manager of that version runs it is known, but not changed.
  const [open] = await knownClusters(folder);
  expect(open).toMatchObject({ discovery: name, engines: [] });
  await before.close();
  const [first] = await knownClusters(folder);
  expect(first?.id).not.toBe(name);
  expect(first).toMatchObject({
    marks: [first?.id, name],
    discovery: name,
    engines: [{ id: 'engine-1' }],
    folder: join(folder, 'clusters', name),
  });
  expect(await knownClusters(folder)).toEqual([first]);
  const after = await openStateStore(first?.folder);
  expect((await after.records('volumes').get('data'))?.value).toBe('{"name":"data"}');
  await after.close();
});

test('folders of an earlier version with the same engines share their marks, others do not', async () => {
  const lists = { 'nodes://a,b': ['a', 'b'], 'nodes://b,a,c': ['a', 'b', 'c'], 'nodes://c,d,e': ['c', 'd', 'e'] };
  for (const [list, engines] of Object.entries(lists)) {
    const store = await openStateStore(join(folder, 'clusters', discoveryKey(list)));
    const nodes = engines.map((memberId) => ({ nodeId: `n-${memberId}`, memberId }));
    await store.records('substrate').write([{ key: 'known', value: JSON.stringify({ swarmId: 's', nodes }) }]);
    await store.close();
  }
  const [two, three, another] = Object.keys(lists).map(discoveryKey);
  const marks = new Map((await knownClusters(folder)).map((each) => [each.discovery, each.marks]));
  // Not their IDs: one that `--cluster` gives means one of them.
  expect(marks.get(two)).toEqual([expect.any(String), two, three]);
  expect(marks.get(three)).toEqual([expect.any(String), three, two]);
  expect(marks.get(another)).toEqual([expect.any(String), another]);
});

test('what is no cluster’s is left alone', async () => {
  await mkdir(join(folder, 'clusters', 'lost+found'), { recursive: true });
  await mkdir(join(folder, 'clusters', '.starting'));
  await writeFile(join(folder, 'clusters', 'notes.txt'), '');
  expect(await knownClusters(folder)).toEqual([]);
});
