import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testDiscoveryBackend } from '../../../test/conformance/discovery-backend.ts';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { systemClock } from '../../common/clock.ts';
import type { DiscoveryBackend } from '../backend.ts';
import { openFileDiscovery } from './file.ts';

const base = { options: new Map<string, string>(), env: {} };
const never = new AbortController().signal;

testDiscoveryBackend('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-file-'));
  const path = join(folder, 'nodes');
  return {
    backend: await openFileDiscovery(path, { ...base, heartbeatMs: 20, clock: systemClock }),
    set: (entries) => writeFile(path, entries.join('\n')),
    breakIt: () => rename(path, `${path}.away`),
    mend: () => rename(`${path}.away`, path),
    close: () => rm(folder, { recursive: true }),
  };
});

describe('file discovery', () => {
  let folder: string;
  let path: string;
  const clock = new FakeClock();
  const open = (): Promise<DiscoveryBackend> => openFileDiscovery(path, { ...base, heartbeatMs: 60_000, clock });
  const read = async (): Promise<readonly string[]> => {
    const backend = await open();
    return (await backend.entries(never)).map((entry) => entry.canonical);
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-file-'));
    path = join(folder, 'nodes');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('understands comments, blank lines, spaces, ranges and CRLF', async () => {
    await writeFile(
      path,
      '# the workers\n\n  10.0.0.[1:2]:2376  # two\r\nssh://root@node-3\r\n#10.0.0.9:1\n10.0.0.1:2376',
    );
    expect(await read()).toEqual(['10.0.0.1:2376', '10.0.0.2:2376', 'ssh://root@node-3']);
  });

  it('takes an empty file for no engines', async () => {
    await writeFile(path, '# nobody yet\n');
    expect(await read()).toEqual([]);
  });

  it('names file and line of a bad entry', async () => {
    await writeFile(path, '10.0.0.1:2376\n\n10.0.0.[9:1]:2376\n');
    await expect(read()).rejects.toThrow(
      `${path}, line 3: bad range "10.0.0.[9:1]:2376"`.replace('range ', 'range in '),
    );
  });

  it('explains a missing file and what is no file', async () => {
    await expect(read()).rejects.toThrow(`cannot read ${path}: there is no such file`);
    await mkdir(path);
    await expect(read()).rejects.toThrow(`cannot read ${path}: it is not a regular file`);
  });

  it('explains a missing path', async () => {
    await expect(openFileDiscovery('', { ...base, heartbeatMs: 1, clock })).rejects.toThrow(
      'the path of the file is missing',
    );
  });

  it('refuses more entries than anybody has', async () => {
    await writeFile(path, 'a[1:65000]:1\nb[1:65000]:1\n');
    await expect(read()).rejects.toThrow('more than 65536 entries');
  });

  it('sees a change within seconds, yet not a file caught half written', async () => {
    await writeFile(path, '10.0.0.1:2376\n');
    const backend = await open();
    const events = backend.watch(never)[Symbol.asyncIterator]();
    expect((await events.next()).value?.entries).toHaveLength(1);

    const changed = events.next();
    await tick(clock);
    await writeFile(path, '');
    await tick(clock);
    await writeFile(path, '10.0.0.1:2376\n10.0.0.2:2376\n');
    await ticksUntil(clock, changed);
    expect((await changed).value?.entries).toHaveLength(2);
    await backend.close();
  });
});

/** One look of the watch: time passes once it sleeps, and it has looked once it sleeps again. */
async function tick(clock: FakeClock): Promise<void> {
  while (clock.sleeping === 0) await new Promise(setImmediate);
  clock.advance(1200);
  while (clock.sleeping === 0) await new Promise(setImmediate);
}

/** Looks until the watch tells something: it does not sleep again then. */
async function ticksUntil(clock: FakeClock, told: Promise<unknown>): Promise<void> {
  let isTold = false;
  void told.then(() => {
    isTold = true;
  });
  while (!isTold) {
    if (clock.sleeping > 0) clock.advance(1200);
    await new Promise(setImmediate);
  }
}
