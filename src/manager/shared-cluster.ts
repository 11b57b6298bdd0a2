import type { SharedStore } from '../kv/shared/shared-store.ts';
import { SharedState } from '../replication/shared-state.ts';
import { claim, readyCluster, sharedCluster, takeOver } from '../replication/take-over-state.ts';
import { isClusterId, newCluster, saveCluster } from '../store/known-cluster.ts';
import { openStateStore } from '../store/state-store.ts';
import { type FindOptions, type FoundCluster, findCluster, knownCluster } from './find-cluster.ts';

/** A store that several managers share. */
export interface SharedStoreOptions {
  readonly store: SharedStore;
  /** As people write it, without credentials. */
  readonly name: string;
}

/** What a manager that shares its records with others finds; its store is a {@link SharedState}. */
export type FoundSharedCluster = FoundCluster & { readonly store: SharedState };

/**
 * Finds the cluster whose records are in a store that managers share. The first manager makes the store its cluster's, with the records that it
 * had alone so far.
 */
export async function findSharedCluster(
  { store, name }: SharedStoreOptions,
  options: Omit<FindOptions, 'shared'>,
): Promise<FoundSharedCluster> {
  const { clock } = options;
  for (;;) {
    const held = await sharedCluster(store);
    // Before anything is begun here: of several that start at once one decides which cluster it is.
    if (!held && (await knownCluster(options)) === undefined) {
      await claim(store, newId(options.asked));
      continue;
    }
    const mine = await findCluster({ ...options, shared: { name, id: held?.id } });
    try {
      const handedOverAt = new Date(clock.now()).toISOString();
      // Noted before any manager uses them: this one, started without the store, must not go on with what it had.
      const note = (): Promise<void> => saveCluster({ ...mine.cluster, shared: name, handedOverAt });
      if (held?.state !== 'ready' && (await takeOver(store, mine.cluster.id, mine.store, note)))
        options.logger.info(
          { store: name },
          `the records of cluster ${mine.cluster.id} are in the store that managers share from now on`,
        );
      const ready = await readyCluster(store, clock);
      if (ready?.id !== mine.cluster.id) {
        // Another manager was faster.
        await mine.store.close();
        continue;
      }
      const cluster = { ...mine.cluster, shared: name };
      await saveCluster(cluster);
      return { ...mine, cluster, store: new SharedState(store, mine.store) };
    } catch (error) {
      await mine.store.close();
      throw error;
    }
  }
}

/** The same for a manager that keeps nothing on its own disk. */
export async function withoutFolder(
  { store, name }: SharedStoreOptions,
  { clock, asked }: Pick<FindOptions, 'clock' | 'asked'>,
): Promise<{ readonly id: string; readonly store: SharedState; readonly name: string }> {
  const own = await openStateStore(undefined);
  if ((await sharedCluster(store)) === undefined) await claim(store, newId(asked));
  const ready = await readyCluster(store, clock);
  return { id: ready?.id ?? '', store: new SharedState(store, own), name };
}

function newId(asked: string | undefined): string {
  return asked !== undefined && isClusterId(asked) ? asked : newCluster('').id;
}
