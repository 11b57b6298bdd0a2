import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError } from '../common/errors.ts';
import type { RecordStore, RecordWrite, Revision } from '../kv/record-store.ts';
import type { SharedStore } from '../kv/shared/shared-store.ts';
import { EXPORTED, KEPT_BACK, OWN_KINDS } from '../store/state-kinds.ts';
import type { StateStore } from '../store/state-store.ts';

/** Which cluster’s records a shared store has. */
export interface SharedCluster {
  /** The cluster’s lasting ID. */
  readonly id: string;
  /** `copying` while a manager that had the records alone hands them over. */
  readonly state: 'copying' | 'ready';
}

const KIND = 'cluster';
const KEY = 'identity';
const FORMAT = 1;
/** Records of one write, and its bytes. */
const AT_ONCE = 32;
const BYTES_AT_ONCE = 200_000;
/** How long a manager waits for another one that hands records over, in milliseconds, and between two looks. */
const WAIT_MS = 60_000;
const LOOK_MS = 250;

const HANDED_OVER = [...EXPORTED, ...KEPT_BACK].filter((kind) => !OWN_KINDS.has(kind));

const Identity = z.object({ format: z.number(), id: z.string().min(1), state: z.enum(['copying', 'ready']) });

/** The cluster that a store belongs to; undefined for none yet. Throws one clear line for what a newer version wrote. */
export async function sharedCluster(store: SharedStore): Promise<SharedCluster | undefined> {
  return (await read(store))?.cluster;
}

/** Makes a store the one of a new cluster, unless another manager was faster. */
export async function claim(store: SharedStore, id: string): Promise<void> {
  await write(store, { id, state: 'ready' }, 'absent');
}

/**
 * Makes a store the one of a cluster, with the records that a manager had alone; `beforeReady` is called when they are all there, as they were read back, and
 * before any manager uses them: to note where they are from then on. What was interrupted is made good by the same manager. Resolves with false when
 * another manager was faster. Throws a ConflictError when the store has records of no known cluster (`STORE_NOT_EMPTY`), or not what was
 * written (`STORE_INCOMPLETE`).
 */
export async function takeOver(
  store: SharedStore,
  id: string,
  own: StateStore,
  beforeReady: () => Promise<void> = async () => undefined,
): Promise<boolean> {
  const found = await read(store);
  if (found && (found.cluster.id !== id || found.cluster.state === 'ready')) return false;
  if (!found) await assertEmpty(store);
  const begun = await write(store, { id, state: 'copying' }, found?.revision ?? 'absent');
  if (begun === undefined) return false;
  for (const kind of HANDED_OVER) await copyRecords(own.records(kind), store.records(kind));
  for (const kind of HANDED_OVER) await assertSame(kind, own.records(kind), store.records(kind));
  await beforeReady();
  return (await write(store, { id, state: 'ready' }, begun)) !== undefined;
}

/** The cluster of a store, once its records are all there. Throws when the manager that hands them over does not go on. */
export async function readyCluster(store: SharedStore, clock: Clock): Promise<SharedCluster | undefined> {
  const untilMs = clock.now() + WAIT_MS;
  for (;;) {
    const cluster = await sharedCluster(store);
    if (cluster?.state !== 'copying') return cluster;
    if (clock.now() >= untilMs)
      throw new ConflictError(
        `the store does not have all records of cluster ${cluster.id} yet: start the manager first that had them before`,
        'STORE_INCOMPLETE',
      );
    await clock.sleep(LOOK_MS);
  }
}

async function read(
  store: SharedStore,
): Promise<{ readonly cluster: SharedCluster; readonly revision: Revision } | undefined> {
  const stored = await store.records(KIND).get(KEY);
  if (!stored) return undefined;
  const parsed = Identity.safeParse(json(stored.value));
  if (!parsed.success || parsed.data.format > FORMAT)
    throw new ClusterError(
      'the store holds the records of another version of enxame: use that version, or another prefix',
      {
        code: 'STORE_FORMAT',
        status: 503,
      },
    );
  const { id, state } = parsed.data;
  return { cluster: { id, state }, revision: stored.revision };
}

async function write(
  store: SharedStore,
  cluster: SharedCluster,
  expected: Revision | 'absent',
): Promise<Revision | undefined> {
  const value = JSON.stringify({ format: FORMAT, ...cluster });
  try {
    return await store.records(KIND).write([{ key: KEY, value, expected }]);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'RECORD_CHANGED') return undefined;
    throw error;
  }
}

/** Records that nobody speaks for may be all that is left of a cluster. */
async function assertEmpty(store: SharedStore): Promise<void> {
  for (const kind of HANDED_OVER) {
    const { count } = await contentOf(store.records(kind));
    if (count > 0)
      throw new ConflictError(
        `the store has ${count} records (${kind}) of a cluster that it does not name: nothing was written. Give another prefix`,
        'STORE_NOT_EMPTY',
      );
  }
}

/** Makes one store's records those of another: an attempt that was cut off may have written what is gone since. */
async function copyRecords(from: RecordStore, to: RecordStore): Promise<void> {
  const found = new Map<string, RecordWrite>();
  await to.snapshot(({ key }) => void found.set(key, { key }));
  await from.snapshot(({ key, value }) => void found.set(key, { key, value }));
  let batch: RecordWrite[] = [];
  let bytes = 0;
  for (const each of found.values()) {
    const size = each.key.length + (each.value?.length ?? 0);
    if (batch.length > 0 && (batch.length >= AT_ONCE || bytes + size > BYTES_AT_ONCE)) {
      await to.write(batch);
      batch = [];
      bytes = 0;
    }
    batch.push(each);
    bytes += size;
  }
  if (batch.length > 0) await to.write(batch);
}

async function assertSame(kind: string, from: RecordStore, to: RecordStore): Promise<void> {
  const [own, shared] = [await contentOf(from), await contentOf(to)];
  if (own.digest === shared.digest) return;
  throw new ConflictError(
    `the store does not have what was written: ${shared.count} records (${kind}) of ${own.count}, or others. The records stay where they were; start the manager again to repeat it`,
    'STORE_INCOMPLETE',
  );
}

/** Records come in the order of their keys. */
async function contentOf(records: RecordStore): Promise<{ readonly count: number; readonly digest: string }> {
  const hash = createHash('sha256');
  let count = 0;
  await records.snapshot(({ key, value }) => {
    hash.update(`${key.length} ${key}${value.length} ${value}`);
    count += 1;
  });
  return { count, digest: hash.digest('hex') };
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
