import { createHash, type Hash, randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ClusterError, ConflictError, reasonOf } from '../common/errors.ts';
import { makeFolder } from '../common/make-folder.ts';
import { replaceable, syncFolder } from '../common/private-file.ts';
import { type EmbeddedChange, type EmbeddedStore, openEmbeddedStore } from '../kv/embedded.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { type KnownCluster, saveCluster, titleOf } from './known-cluster.ts';
import { EXPORTED, isOwnKey, keptKind, OWN_KINDS, revivedValue } from './state-kinds.ts';
import { snapshotOf } from './state-snapshot.ts';

/** The first line of a state file. */
interface Head {
  readonly format: typeof FORMAT;
  readonly version: number;
  readonly exportedAt: string;
  readonly cluster: Omit<KnownCluster, 'folder'>;
}

/** The last line: what the lines before it must be. */
interface Foot {
  readonly records: number;
  /** Of every line before this one. */
  readonly sha256: string;
}

type Pair = readonly [key: string, value: string];

const FORMAT = 'enxame-state';
const VERSION = 1;
/** Characters of the longest record: a create's body is bounded, and is kept as text in JSON. */
const MAX_LINE = 256 * 2 ** 20;
/** Pairs written at a time. */
const BATCH = 500;

/**
 * Writes what a manager keeps of a cluster into one file for its owner only, all at once: records, bodies of containers (with environment
 * values), networks, nodes, volumes, pending removals. No keys, no registry credentials, and no incarnation: who imports it
 * begins another. A manager may be running. `shared` has the records when several managers share them. Returns how many records there are.
 */
export async function exportState(
  cluster: KnownCluster,
  file: string,
  shared?: (kind: string) => Pick<RecordStore, 'snapshot'>,
): Promise<number> {
  const target = await replaceable(file);
  const draft = `${target}.${randomBytes(6).toString('hex')}.new`;
  await makeFolder(dirname(target));
  const handle = await open(draft, 'wx', 0o600).catch((error: unknown) => {
    throw unwritable(file, error);
  });
  let snapshot: Awaited<ReturnType<typeof snapshotOf>> | undefined;
  try {
    snapshot = await snapshotOf(cluster.folder);
    if (snapshot.store.damage !== undefined) throw unreadable(cluster.folder);
    const { folder: _, shared: __, ...facts } = cluster;
    const hash = createHash('sha256');
    const write = async (line: string): Promise<void> => void (await handle.write(hashed(hash, `${line}\n`)));
    const head: Head = { format: FORMAT, version: VERSION, exportedAt: new Date().toISOString(), cluster: facts };
    await write(JSON.stringify(head));
    let records = 0;
    for await (const [key, value] of pairsOf(snapshot.store, shared)) {
      if (!keptKind(key)) continue;
      await write(JSON.stringify([key, value] satisfies Pair));
      records++;
    }
    await handle.write(`${JSON.stringify({ records, sha256: hash.digest('hex') } satisfies Foot)}\n`);
    await handle.sync();
    await handle.close();
    await rename(draft, target);
    await syncFolder(dirname(target));
    return records;
  } catch (error) {
    await handle.close().catch(() => undefined);
    await rm(draft, { force: true });
    throw error instanceof ClusterError ? error : unwritable(file, error);
  } finally {
    await snapshot?.close();
  }
}

/**
 * Makes the state of a cluster from a file, below a state folder that has none of this cluster. The file is read whole before anything is
 * written. No manager may serve the cluster meanwhile. Containers are touched by nothing here, nor by the manager that
 * starts afterwards: copies that a move left behind are told of, and not ended.
 */
export async function importState(
  file: string,
  stateFolder: string,
): Promise<{ readonly cluster: KnownCluster; readonly records: number }> {
  const { cluster: facts } = await verify(file);
  const parent = join(stateFolder, 'clusters');
  const cluster = { ...facts, folder: join(parent, facts.id) };
  const there = await readdir(cluster.folder).catch(() => []);
  if (there.length > 0)
    throw new ConflictError(
      `cluster ${titleOf(cluster)} has a state in ${cluster.folder} already: nothing was imported. Choose another --state-dir, or move that folder away`,
      'STATE_EXISTS',
    );
  const draft = join(parent, `.import-${randomBytes(6).toString('hex')}`);
  try {
    const records = await fill(draft, file);
    await saveCluster({ ...cluster, folder: draft });
    await rename(draft, cluster.folder);
    await syncFolder(parent);
    return { cluster, records };
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function* pairsOf(
  own: EmbeddedStore,
  shared: ((kind: string) => Pick<RecordStore, 'snapshot'>) | undefined,
): AsyncGenerator<Pair> {
  for await (const pair of own.pairs()) if (!shared || isOwnKey(pair[0])) yield pair;
  for (const kind of shared ? EXPORTED : []) {
    if (OWN_KINDS.has(kind)) continue;
    const found: Pair[] = [];
    await shared?.(kind).snapshot(({ key, value }) => void found.push([`${kind}/${key}`, value]));
    yield* found;
  }
}

async function fill(folder: string, file: string): Promise<number> {
  const store = await openEmbeddedStore(folder);
  try {
    let batch: EmbeddedChange[] = [];
    let records = 0;
    for await (const line of linesOf(file)) {
      const pair: unknown = JSON.parse(line);
      if (!Array.isArray(pair)) continue;
      const [key, value] = pair as unknown as Pair;
      if (!keptKind(key)) continue;
      records++;
      if (batch.push({ key, value: revivedValue(key, value) }) < BATCH) continue;
      await store.write(batch, 'kill');
      batch = [];
    }
    await store.write(batch);
    return records;
  } finally {
    await store.close();
  }
}

/** Throws one clear line for a file that is none, is damaged, or is of a newer version. */
async function verify(file: string): Promise<Head> {
  const hash = createHash('sha256');
  let head: Head | undefined;
  let pairs = 0;
  let last: string | undefined;
  for await (const line of linesOf(file)) {
    if (last !== undefined) {
      hash.update(`${last}\n`);
      if (head !== undefined && pairs++ >= 0 && !isPair(last)) throw damaged(file, `line ${pairs + 1} is no record`);
      head ??= headOf(last, file);
    }
    last = line;
  }
  if (last !== undefined && head === undefined) head = headOf(last, file);
  if (!head || last === undefined) throw foreign(file);
  const foot = parsed(last) as Partial<Foot> | undefined;
  if (typeof foot?.sha256 !== 'string') throw damaged(file, 'its end is missing');
  if (foot.sha256 !== hash.digest('hex') || foot.records !== pairs) throw damaged(file, 'its checksum is another one');
  return head;
}

function headOf(line: string, file: string): Head {
  const head = parsed(line) as Partial<Head> | undefined;
  if (head?.format !== FORMAT || typeof head.version !== 'number') throw foreign(file);
  if (head.version > VERSION)
    throw new ClusterError(
      `${file} was exported by a newer version of enxame (its form is ${head.version}, this one reads ${VERSION}): import it with that version`,
      { code: 'STATE_NEWER', status: 400 },
    );
  const { id, marks, engines } = head.cluster ?? {};
  if (
    typeof id !== 'string' ||
    !/^[\w.-]{1,64}$/.test(id) ||
    id.startsWith('.') ||
    !Array.isArray(marks) ||
    !Array.isArray(engines)
  )
    throw damaged(file, 'it does not say which cluster it is of');
  return head as Head;
}

function isPair(line: string): boolean {
  const pair = parsed(line);
  return Array.isArray(pair) && pair.length === 2 && pair.every((each) => typeof each === 'string');
}

/** Lines end with a line feed alone: JSON leaves other ends of lines in texts as they are. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const input = createReadStream(file, 'utf8');
  try {
    let parts: string[] = [];
    let length = 0;
    for await (const chunk of input as AsyncIterable<string>) {
      const [first = '', ...lines] = chunk.split('\n');
      length += first.length;
      if (length > MAX_LINE) throw foreign(file);
      parts.push(first);
      for (const next of lines) {
        yield parts.join('');
        parts = [next];
        length = next.length;
      }
    }
    const rest = parts.join('');
    if (rest !== '') yield rest;
  } catch (error) {
    if (error instanceof ClusterError) throw error;
    throw new ClusterError(`cannot read ${file}: ${reasonOf(error)}`, {
      code: 'STATE_FILE',
      status: 400,
      cause: error,
    });
  } finally {
    input.destroy();
  }
}

function hashed(hash: Hash, line: string): string {
  hash.update(line);
  return line;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function foreign(file: string): ClusterError {
  const message = `${file} is no exported state: give a file that 'enxame state export' wrote`;
  return new ClusterError(message, { code: 'STATE_FOREIGN', status: 400 });
}

function damaged(file: string, why: string): ClusterError {
  const message = `${file} is damaged: ${why}. Nothing was imported; export it again, or use an older backup`;
  return new ClusterError(message, { code: 'STATE_DAMAGED', status: 400 });
}

/** A backup without the latest changes must not take the place of one that has them. */
function unreadable(folder: string): ClusterError {
  const message = `the last changes in ${folder} are damaged: nothing was exported. Restart its manager, which says what is lost, and keep older backups`;
  return new ClusterError(message, { code: 'STATE_DAMAGED', status: 500 });
}

function unwritable(file: string, cause: unknown): ClusterError {
  const message = `cannot write ${file}: ${reasonOf(cause)}`;
  return new ClusterError(message, { code: 'STATE_FILE', status: 500, cause });
}
