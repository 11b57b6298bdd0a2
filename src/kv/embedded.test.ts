import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SmallDisk } from '../../test/fakes/small-disk.ts';
import { type EmbeddedStore, openEmbeddedStore } from './embedded.ts';

describe('embedded store', () => {
  let folder: string;
  const opened: EmbeddedStore[] = [];
  const open = async (): Promise<EmbeddedStore> => {
    const store = await openEmbeddedStore(join(folder, 'deep', 'state'));
    opened.push(store);
    return store;
  };
  const pairs = async (store: EmbeddedStore): Promise<Readonly<Record<string, string>>> => {
    const found: Record<string, string> = {};
    for await (const [key, value] of store.pairs()) found[key] = value;
    return found;
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-store-'));
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(folder, { recursive: true });
  });

  it('keeps what was written, in key order, for its owner only', async () => {
    const store = await open();
    await store.write([
      { key: 'b', value: '2' },
      { key: 'a', value: '1' },
      { key: 'c', value: '3' },
    ]);
    await store.write([{ key: 'c' }], 'kill');
    await store.close();
    await store.close();
    expect(Object.entries(await pairs(await open()))).toEqual([
      ['a', '1'],
      ['b', '2'],
    ]);
    expect((await stat(join(folder, 'deep', 'state'))).mode & 0o777).toBe(0o700);
  });

  it('applies writes in the order they were asked for', async () => {
    const store = await open();
    const writes = Array.from({ length: 500 }, (_, i) =>
      store.write(
        [i % 3 === 2 ? { key: 'k' } : { key: 'k', value: String(i) }],
        i % 50 === 0 ? 'power loss' : i % 7 === 0 ? 'nothing' : 'kill',
      ),
    );
    await Promise.all([...writes, store.write([{ key: 'k', value: 'last' }], 'kill')]);
    expect(await pairs(store)).toEqual({ k: 'last' });
  });

  it('synchronizes with a write also what was written before it, whichever log that is in', async () => {
    const store = await open();
    await store.write([{ key: 'early', value: 'a-word' }], 'kill');
    await store.write([{ key: 'changed', value: 'first' }], 'kill');
    await store.write([{ key: 'changed', value: 'last' }]);
    await store.write([{ key: 'later', value: 'x' }]);
    const place = join(folder, 'deep', 'state');
    const logs = (await readdir(place)).filter((name) => name.endsWith('.log'));
    const texts = await Promise.all(logs.map((name) => readFile(join(place, name), 'latin1')));
    expect(texts.join('').split('a-word').length - 1).toBe(2);
    expect(await pairs(store)).toEqual({ early: 'a-word', changed: 'last', later: 'x' });
  });

  it('reads what survives nothing yet, and writes it once, with what is to survive', async () => {
    const store = await open();
    await store.write([{ key: 'a', value: 'first-word' }], 'nothing');
    await store.write([{ key: 'a', value: 'last-word' }], 'nothing');
    await store.write([{ key: 'gone', value: 'x' }], 'nothing');
    expect([await store.get('a'), await store.get('gone')]).toEqual(['last-word', 'x']);
    const place = join(folder, 'deep', 'state');
    const written = async (): Promise<string> => {
      const logs = (await readdir(place)).filter((name) => name.endsWith('.log'));
      return (await Promise.all(logs.map((name) => readFile(join(place, name), 'latin1')))).join('');
    };
    expect(await written()).not.toContain('word');
    await store.write([{ key: 'unrelated', value: 'y' }], 'kill');
    expect(await written()).not.toContain('word');
    await store.write([{ key: 'gone' }]);
    expect((await written()).split('last-word').length - 1).toBe(1);
    expect(await written()).not.toContain('first-word');
    expect(await pairs(store)).toEqual({ a: 'last-word', unrelated: 'y' });
  });

  it('lists what survives nothing yet, and keeps it at its close', async () => {
    const store = await open();
    await store.write([{ key: 'a', value: '1' }], 'nothing');
    expect(await pairs(store)).toEqual({ a: '1' });
    await store.write([{ key: 'b', value: '2' }], 'nothing');
    await store.close();
    expect(await pairs(await open())).toEqual({ a: '1', b: '2' });
  });

  it('puts nothing off that would overtake an earlier change, or of which there is much', async () => {
    const store = await open();
    const early = store.write([{ key: 'k', value: 'early' }]);
    const late = store.write([{ key: 'k', value: 'late' }], 'nothing');
    await Promise.all([early, late]);
    expect(await store.get('k')).toBe('late');
    const many = Array.from({ length: 3_000 }, (_, i) => ({ key: `k${i}`, value: String(i) }));
    for (const change of many) await store.write([change], 'nothing');
    const big = 'x'.repeat(3_000_000);
    for (const key of ['x', 'y', 'z']) await store.write([{ key, value: big }], 'nothing');
    expect(await store.get('k2999')).toBe('2999');
    expect(Object.keys(await pairs(store))).toHaveLength(many.length + 4);
  });

  it('finishes what was asked before it closes', async () => {
    const store = await open();
    const written = store.write([{ key: 'k', value: 'v' }], 'kill');
    await store.close();
    await written;
    expect(await pairs(await open())).toEqual({ k: 'v' });
    await expect(store.write([{ key: 'k', value: 'late' }], 'kill')).rejects.toThrow();
  });

  it('refuses in one line what a full disk does not take, and loses nothing that was written before or after', async (context) => {
    using disk = SmallDisk.mount(600);
    if (!disk) return context.skip('nothing may be mounted here');
    const place = join(disk.folder, 'state');
    const store = await openEmbeddedStore(place);
    opened.push(store);
    await store.write([{ key: 'first', value: '1' }]);
    disk.fill();
    const accepted: string[] = ['first'];
    const refused: string[] = [];
    for (let i = 0; i < 60; i++) {
      const written = store.write([{ key: `k${i}`, value: 'x'.repeat(300) }]);
      await written.then(
        () => accepted.push(`k${i}`),
        (error: unknown) => {
          expect(error).toMatchObject({ code: 'STATE_NOT_WRITTEN' });
          expect(String(error)).toMatch(/^[^\n]*cannot be written: [^\n]*No space left on device[^\n]*$/);
          refused.push(`k${i}`);
        },
      );
    }
    expect(refused.length).toBeGreaterThan(1);
    // Nothing that was accepted is out of reach meanwhile.
    expect(Object.keys(await pairs(store)).sort()).toEqual([...accepted].sort());
    expect([await store.get('first'), await store.get(refused[0] ?? '')]).toEqual(['1', undefined]);
    disk.free();
    await store.write([{ key: 'last', value: '1' }]);
    await store.close();
    const again = await openEmbeddedStore(place);
    opened.push(again);
    expect(again.damage).toBeUndefined();
    expect(Object.keys(await pairs(again)).sort()).toEqual([...accepted, 'last'].sort());
  });

  it('reads the pairs whose keys begin with a text', async () => {
    const store = await open();
    await store.write(
      ['a/1', 'a/2', 'a0', 'b/1'].map((key) => ({ key, value: key })),
      'kill',
    );
    const found: string[] = [];
    for await (const [key] of store.pairs('a/')) found.push(key);
    expect(found).toEqual(['a/1', 'a/2']);
  });

  it('says what of it was damaged, keeps that, and goes on with the rest', async () => {
    const place = join(folder, 'deep', 'state');
    const logIn = async (): Promise<string> =>
      join(place, (await readdir(place)).find((name) => name.endsWith('.log')) ?? '');
    const first = await open();
    await first.write([{ key: 'early', value: '1' }]);
    await first.close();
    const second = await open();
    expect(second.damage).toBeUndefined();
    for (const key of ['a', 'b', 'c']) await second.write([{ key, value: key.repeat(20_000) }]);
    await second.close();

    const log = await logIn();
    const bytes = await readFile(log);
    bytes.fill(0x55, 100, 200);
    await writeFile(log, bytes);
    const third = await open();
    expect(third.damage).toMatch(
      /^\d+ bytes of the last changes in \S+ were damaged and are left out \(kept in \S+\.log\.damaged\)/,
    );
    expect(await readFile(`${log}.damaged`)).toEqual(bytes);
    expect(await third.get('early')).toBe('1');
    await third.write([{ key: 'later', value: '2' }]);
    await third.close();
    const fourth = await open();
    expect(fourth.damage).toBeUndefined();
    expect([await fourth.get('early'), await fourth.get('later')]).toEqual(['1', '2']);
    expect(await readFile(`${log}.damaged`)).toEqual(bytes);
  });

  it('says in one line which folder has a table that cannot be read', async () => {
    const store = await open();
    await store.write(Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: 'x'.repeat(1_000) })));
    await store.close();
    const place = join(folder, 'deep', 'state');
    // A log becomes a table at the next opening.
    await (await open()).close();
    const tables = (await readdir(place)).filter((name) => name.endsWith('.ldb'));
    expect(tables).not.toEqual([]);
    for (const table of tables) {
      const bytes = await readFile(join(place, table));
      await writeFile(join(place, table), bytes.fill(0x55, 0, 2_000));
    }
    const line = /^the state folder \S+ cannot be read: Corruption: [^\n]*move it away and bring a backup/;
    const damaged = await open();
    await expect(pairs(damaged)).rejects.toThrow(line);
    await expect(damaged.get('k0')).rejects.toThrow(line);
  });

  it('is not cut short by a loss of power in the middle of a write', async () => {
    const store = await open();
    await store.write([{ key: 'whole', value: '1' }]);
    await store.write([{ key: 'cut', value: 'x'.repeat(1_000) }]);
    await store.close();
    const place = join(folder, 'deep', 'state');
    const log = join(place, (await readdir(place)).find((name) => name.endsWith('.log')) ?? '');
    const bytes = await readFile(log);
    await writeFile(log, bytes.subarray(0, bytes.length - 300));
    const again = await open();
    expect(again.damage).toBeUndefined();
    expect(await pairs(again)).toEqual({ whole: '1' });
  });

  it('belongs to one process at a time', async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ code: 'STATE_LOCKED', message: expect.stringMatching(/^[^\n]+$/) });
  });

  it('has what was written when its process is killed', async () => {
    const script = `
      import { ClassicLevel } from 'classic-level';
      const level = new ClassicLevel(process.argv[1]);
      await level.batch([{ type: 'put', key: 'k', value: 'v' }], { sync: false });
      process.kill(process.pid, 'SIGKILL');`;
    await (await open()).close();
    const args = ['--input-type=module', '-e', script, join(folder, 'deep', 'state')];
    expect(spawnSync(process.execPath, args).signal).toBe('SIGKILL');
    const store = await open();
    expect(await pairs(store)).toEqual({ k: 'v' });
    expect(store.damage).toBeUndefined();
    expect((await readdir(join(folder, 'deep', 'state'))).filter((name) => name.includes('.log.'))).toEqual([]);
  });
});
