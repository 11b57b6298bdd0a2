import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { acquireLock } from './lock.ts';
import { isMachineName, type MachineRecord, plainEngine } from './record.ts';
import { storagePath } from './storage-path.ts';
import { type MachineStore, openStore } from './store.ts';

let root = '';
let store: MachineStore;
const signal = new AbortController().signal;

beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'store-')), 'machine');
  store = openStore(root);
});
afterEach(() => rm(join(root, '..'), { recursive: true, force: true }));

function record(name: string, more: Partial<MachineRecord> = {}): MachineRecord {
  const fixed = { version: 1, createdAt: '2026-06-01T00:00:00Z', driver: 'none', options: {} } as const;
  return { ...fixed, id: `id-${name}`, name, engine: plainEngine(), steps: [], resources: [], ...more };
}

/** Runs `work` as a user who owns nothing: root may write anywhere. */
async function asNobody(work: () => Promise<unknown>): Promise<void> {
  if (process.getuid?.() !== 0) return void (await work());
  process.seteuid?.(65_534);
  try {
    await work();
  } finally {
    process.seteuid?.(0);
  }
}

async function modes(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return await Promise.all(
    entries.map(async (entry) => {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      return `${entry.isDirectory() ? 'd' : 'f'}${(mode & 0o777).toString(8)}`;
    }),
  );
}

describe('store', () => {
  it('has no machines where there is no folder', async () => {
    expect(await store.names()).toEqual([]);
    await expect(store.load('default')).rejects.toThrow(
      'Docker machine "default" does not exist. Use "enxame machine ls"',
    );
  });

  it('lists machines as people count and forgets removed ones', async () => {
    for (const name of ['node-10', 'node-2', 'queen']) await store.add(record(name));
    expect(await store.names()).toEqual(['node-2', 'node-10', 'queen']);
    await store.remove('node-2');
    await store.remove('node-2');
    expect(await store.names()).toEqual(['node-10', 'queen']);
  });

  it('keeps what was changed, for its owner only and without its own path', async () => {
    const machine = await store.add(record('queen'));
    await Promise.all([1, 2, 3].map((n) => machine.update((old) => ({ ...old, steps: [...old.steps, `step-${n}`] }))));
    const again = await openStore(root).load('queen');
    expect(again.record.steps).toEqual(['step-1', 'step-2', 'step-3']);
    expect(new Set(await modes(root))).toEqual(new Set(['d700', 'f600']));
    expect(await readFile(join(root, 'machines/queen/machine.json'), 'utf8')).not.toContain(root);
  });

  it('refuses a name that is taken', async () => {
    await store.add(record('queen'));
    await expect(store.add(record('queen', { id: 'other' }))).rejects.toThrow('Docker machine "queen" already exists');
    expect((await store.load('queen')).record.id).toBe('id-queen');
    expect(await readdir(join(root, 'machines'))).toEqual(['queen']);
  });

  it.each(['', '.', '..', '-a', 'a/b', 'a b', 'a_b', 'é', 'a\n', 'a.', 'x'.repeat(64), '../../etc'])(
    'refuses the name %j',
    async (name) => {
      expect(isMachineName(name)).toBe(false);
      await expect(store.add(record(name))).rejects.toThrow(/Invalid hostname specified. Allowed hostname chars/);
      await expect(store.load(name)).rejects.toThrow('does not exist');
    },
  );

  it.each([
    { content: '', why: /machine\.json cannot be used: it is empty\. Repair it/ },
    { content: '{"version":1', why: /it is not JSON/ },
    { content: '{"version":1}', why: /id: / },
    { content: '{"version":2}', why: /written by a newer enxame/ },
    { content: 'null', why: /cannot be used/ },
  ])('says what is wrong with a file of $content', async ({ content, why }) => {
    await store.add(record('queen'));
    await writeFile(join(root, 'machines/queen/machine.json'), content);
    await expect(store.load('queen')).rejects.toThrow(why);
    expect(await store.names()).toEqual(['queen']);
  });

  it('says so when a machine has lost its file', async () => {
    await store.add(record('queen'));
    await rm(join(root, 'machines/queen/machine.json'));
    await expect(store.load('queen')).rejects.toThrow(/machine\.json cannot be used: it is empty/);
  });

  it('says so when its folder cannot be one', async () => {
    await mkdir(join(root, '..'), { recursive: true });
    await writeFile(root, 'a file');
    await expect(store.add(record('queen'))).rejects.toThrow(/a file is in the way of a folder/);
  });

  it('says so when it may not write', async () => {
    const machines = await store.folder('machines');
    for (const place of [dirname(root), root, machines]) await chmod(place, 0o555);
    await asNobody(() => expect(store.add(record('queen'))).rejects.toThrow(/permission denied/));
    await chmod(root, 0o700);
    await chmod(machines, 0o700);
  });
});

describe('lock', () => {
  const take = (waitMs = 0): ReturnType<typeof acquireLock> =>
    acquireLock(join(root, 'lock'), { purpose: 'test', waitMs, what: 'It', clock: systemClock }, signal);

  it('has one holder at a time', async () => {
    const first = await take();
    await expect(take()).rejects.toThrow(`It is in use by another enxame (process ${process.pid}: test)`);
    const second = take(5_000);
    await first.close();
    const lock = await second;
    await first.close();
    await expect(take()).rejects.toThrow('in use');
    await lock.close();
    expect(await readdir(root)).toEqual([]);
  });

  it('is taken over from a process that ended', async () => {
    const child = spawn('true');
    await new Promise((resolve) => child.once('close', resolve));
    await mkdir(root);
    const holder = { id: 'x', host: hostname(), pid: child.pid, startTicks: '1', purpose: 'gone' };
    await writeFile(join(root, 'lock'), JSON.stringify(holder));
    const locks = await Promise.allSettled([take(), take(), take()]);
    expect(locks.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('is taken over from a process whose number another one has now', async () => {
    await mkdir(root);
    const holder = { id: 'x', host: hostname(), pid: process.pid, startTicks: '1', purpose: 'gone' };
    await writeFile(join(root, 'lock'), JSON.stringify(holder));
    await (await take()).close();
  });

  it('stays with a holder on another computer', async () => {
    await mkdir(root);
    await writeFile(join(root, 'lock'), JSON.stringify({ id: 'x', host: 'far', pid: 1, startTicks: '', purpose: 'p' }));
    await expect(take()).rejects.toThrow(/process 1: p\) on far; if that is gone, remove .*lock/);
  });

  it('stops waiting when told to', async () => {
    const lock = await take();
    const stop = new AbortController();
    const waiting = acquireLock(
      join(root, 'lock'),
      { purpose: 'test', waitMs: 60_000, what: 'It', clock: systemClock },
      stop.signal,
    );
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await lock.close();
  });
});

describe('storagePath', () => {
  it.each([
    { flag: '/a', env: { ENXAME_MACHINE_STORAGE_PATH: '/b' }, path: '/a' },
    { flag: undefined, env: { ENXAME_MACHINE_STORAGE_PATH: '/b', XDG_DATA_HOME: '/c' }, path: '/b' },
    { flag: undefined, env: { XDG_DATA_HOME: '/c', HOME: '/d' }, path: '/c/enxame/machine' },
    { flag: undefined, env: { XDG_DATA_HOME: 'c', HOME: '/d' }, path: '/d/.enxame/machine' },
  ])('is $path', ({ flag, env, path }) => {
    expect(storagePath(flag, env)).toBe(path);
  });
});
