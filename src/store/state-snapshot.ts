import { copyFile, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ClusterError } from '../common/errors.ts';
import { type EmbeddedStore, openEmbeddedStore } from '../kv/embedded.ts';

/** A store as it was at one moment. */
export interface StoreSnapshot {
  readonly store: EmbeddedStore;
  /** Idempotent. */
  close(): Promise<void>;
}

/** A store that is written all the time is copied so often, before that is given up. */
const TRIES = 50;

/**
 * The store in a folder as it is now, also while a manager has it open. LevelDB only adds to its files, and makes new ones: a copy
 * during which no file came or went is what the store would be after the loss of its process.
 */
export async function snapshotOf(folder: string): Promise<StoreSnapshot> {
  const copy = await mkdtemp(join(tmpdir(), 'enxame-export-'));
  try {
    for (let tried = 1; !(await copied(folder, copy)); tried++) {
      if (tried < TRIES) continue;
      throw new ClusterError(`the state in ${folder} changes too fast to be copied: try again`, {
        code: 'STATE_BUSY',
        status: 503,
      });
    }
    const store = await openEmbeddedStore(copy);
    const close = async (): Promise<void> => {
      await store.close();
      await rm(copy, { recursive: true, force: true });
    };
    return { store, close };
  } catch (error) {
    await rm(copy, { recursive: true, force: true });
    throw error;
  }
}

/** False when a file came, went, or was written anew meanwhile. */
async function copied(folder: string, copy: string): Promise<boolean> {
  const before = await filesOf(folder);
  for (const stray of await readdir(copy)) await rm(join(copy, stray), { recursive: true });
  for (const name of before.keys()) {
    const isThere = await copyFile(join(folder, name), join(copy, name)).then(
      () => true,
      () => false,
    );
    if (!isThere) return false;
  }
  const after = await filesOf(folder);
  // Logs grow; of everything else a change of size is one of what the files mean together.
  return (
    after.size === before.size && [...after].every(([name, size]) => name.endsWith('.log') || before.get(name) === size)
  );
}

/** LevelDB's files with their sizes, without its lock and its diary. */
async function filesOf(folder: string): Promise<ReadonlyMap<string, number>> {
  const names = (await readdir(folder)).filter((name) => /^(CURRENT|MANIFEST-\d+|\d+\.(log|ldb|sst))$/.test(name));
  const sizes = await Promise.all(
    names
      .sort()
      .map(async (name) => [name, (await stat(join(folder, name)).catch(() => undefined))?.size ?? -1] as const),
  );
  return new Map(sizes);
}
