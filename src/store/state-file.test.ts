import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type KnownCluster, knownClusters, newCluster, saveCluster } from './known-cluster.ts';
import { exportState, importState } from './state-file.ts';
import { EXPORTED, KEPT_BACK } from './state-kinds.ts';
import { openStateStore, type StateStore } from './state-store.ts';

const RECORD = {
  format: 1,
  key: 'a',
  name: 'web',
  current: { nodeId: 'n', attempt: 'a', engineId: 'e', generation: 1 },
};
const STALE = {
  ...RECORD,
  stale: [{ nodeId: 'm', attempt: 'b', engineId: 'old', generation: 0 }],
  move: { why: 'drain' },
};

let folder: string;
let file: string;
const opened: StateStore[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-state-'));
  file = join(folder, 'swarm.state');
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await rm(folder, { recursive: true });
});

/** A cluster with a state, whose store stays open as a manager's. */
async function cluster(): Promise<{ readonly cluster: KnownCluster; readonly store: StateStore }> {
  const made: KnownCluster = { ...newCluster(join(folder, 'here')), name: 'prod', engines: [{ id: 'n', name: 'one' }] };
  await saveCluster(made);
  const store = await openStateStore(made.folder);
  opened.push(store);
  await store.records('containers').write([{ key: 'a', value: JSON.stringify(STALE) }]);
  await store.records('container-bodies').write([{ key: 'a', value: '{"source":{"text":"é\u2028\\n"}}' }]);
  await store.records('tombstones').write([{ key: 't', value: '{}' }]);
  await store.records('state').write([{ key: 'incarnation', value: 'first' }]);
  await store.notes?.write([{ key: 'c/n/e', value: 'held' }]);
  return { cluster: made, store };
}

async function all(store: StateStore, kind: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  await store.records(kind).snapshot(({ key, value }) => {
    found[key] = value;
  });
  return found;
}

test('a state goes over in one file for its owner, also while its manager runs, and begins a new incarnation', async () => {
  const { cluster: original } = await cluster();
  expect(await exportState(original, file)).toBe(4);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const there = join(folder, 'there');
  const imported = await importState(file, there);
  expect(imported.records).toBe(4);
  expect(await knownClusters(there)).toEqual([{ ...original, folder: join(there, 'clusters', original.id) }]);
  const store = await openStateStore(imported.cluster.folder);
  opened.push(store);
  // What a move had left behind may be all that runs by now.
  expect(JSON.parse((await all(store, 'containers')).a ?? '')).toEqual(RECORD);
  expect(await all(store, 'container-bodies')).toEqual({ a: '{"source":{"text":"é\u2028\\n"}}' });
  expect(await all(store, 'tombstones')).toEqual({ t: '{}' });
  expect(await all(store, 'state')).toEqual({});
  const notes: string[] = [];
  for await (const [key] of store.notes?.pairs('') ?? []) notes.push(key);
  expect(notes).toEqual(['c/n/e']);
});

test('records that managers share come from their store, and what one saw from its own', async () => {
  const { cluster: original, store } = await cluster();
  await store.records('nodes').write([{ key: 'n', value: '{"id":"n"}' }]);
  const shared = await openStateStore(undefined);
  opened.push(shared);
  await shared.records('containers').write([{ key: 'b', value: JSON.stringify({ ...RECORD, key: 'b' }) }]);
  expect(await exportState({ ...original, shared: 'etcd://a/x' }, file, (kind) => shared.records(kind))).toBe(3);
  const { cluster: imported } = await importState(file, join(folder, 'there'));
  expect(imported.shared).toBeUndefined();
  const alone = await openStateStore(imported.folder);
  opened.push(alone);
  expect(Object.keys(await all(alone, 'containers'))).toEqual(['b']);
  expect(Object.keys(await all(alone, 'nodes'))).toEqual(['n']);
  expect(await all(alone, 'tombstones')).toEqual({});
});

test('an export is what the store was at one moment, while it is written', async () => {
  const { cluster: original, store } = await cluster();
  const records = store.records('nodes');
  let isOver = false;
  const writing = (async () => {
    for (let i = 0; !isOver; i++)
      await records.write(['x', 'y'].map((key) => ({ key, value: JSON.stringify({ i, padding: 'p'.repeat(9_000) }) })));
  })();
  for (let i = 0; i < 5; i++) {
    await exportState(original, file);
    const values = (await readFile(file, 'utf8')).split('\n').filter((line) => line.startsWith('["nodes/'));
    const numbers = values.map((line) => JSON.parse(JSON.parse(line)[1]).i);
    expect(new Set(numbers).size).toBeLessThanOrEqual(1);
  }
  isOver = true;
  await writing;
});

describe('an import is refused, and leaves nothing behind,', () => {
  async function exported(): Promise<readonly string[]> {
    await exportState((await cluster()).cluster, file);
    return (await readFile(file, 'utf8')).split('\n');
  }

  test.each<[string, (lines: string[]) => readonly string[] | string, string]>([
    ['of an empty file', () => '', 'no exported state'],
    ['of something else', () => 'hello\nworld\n', 'no exported state'],
    ['of other JSON', () => '{"format":"x"}\n', 'no exported state'],
    ['of a file that was cut', (lines) => lines.slice(0, 3), 'is damaged: its end is missing'],
    ['of one that was cut in a line', (lines) => lines.join('\n').slice(0, -40), 'is damaged'],
    [
      'of one that was changed',
      (lines) => lines.with(1, (lines[1] ?? '').replace('é', 'e')),
      'its checksum is another one',
    ],
    ['of one with a line less', (lines) => lines.toSpliced(1, 1), 'its checksum is another one'],
    ['of one with a line that is no record', (lines) => lines.with(2, '{}'), 'is damaged: line 3 is no record'],
    [
      'of a newer version',
      (lines) => lines.with(0, (lines[0] ?? '').replace('"version":1', '"version":2')),
      'newer version',
    ],
    [
      'that would leave the folder',
      (lines) => lines.with(0, (lines[0] ?? '').replace(/"id":"\w+"/, '"id":"../x"')),
      'which cluster',
    ],
  ])('%s', async (_case, change, message) => {
    const changed = change([...(await exported())]);
    await writeFile(file, typeof changed === 'string' ? changed : changed.join('\n'));
    const there = join(folder, 'there');
    const importing = importState(file, there);
    await expect(importing).rejects.toThrow(message);
    await expect(importing).rejects.not.toThrow('\n');
    expect(await readdir(there).catch(() => [])).toEqual([]);
  });

  test('where the cluster has a state already', async () => {
    await exported();
    await expect(importState(file, join(folder, 'here'))).rejects.toMatchObject({ code: 'STATE_EXISTS', status: 409 });
    expect((await readdir(join(folder, 'here', 'clusters'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('of a file that is not there', async () => {
    await expect(importState(join(folder, 'none'), join(folder, 'there'))).rejects.toThrow(/^cannot read .*ENOENT/);
  });
});

test('every kind of record is exported, or kept back for a reason', async () => {
  const src = new URL('..', import.meta.url).pathname;
  const sources = (await readdir(src, { recursive: true })).filter(
    (name) => name.endsWith('.ts') && !name.includes('.test.'),
  );
  const texts = await Promise.all(sources.map((name) => readFile(join(src, name), 'utf8')));
  const kinds = new Set(
    texts.flatMap((text) => [...text.matchAll(/\.records\('([\w-]+)'\)/g)].map(([, kind]) => kind)),
  );
  expect([...kinds].sort(), 'enter a new kind in state-kinds.ts').toEqual([...EXPORTED, ...KEPT_BACK].sort());
});
