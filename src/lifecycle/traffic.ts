import type { ContainerSpec } from '../desired/container-spec.ts';

/** The key of a volume, or of a container by name or ID; `moving`: of a container whose record is being moved. */
export type Key = `volume ${string}` | `container ${string}` | `moving ${string}`;

/** What a create touches beside itself: the volumes it mounts and the containers it refers to. */
export function keysOf({ name, volumes, placement }: ContainerSpec): Key[] {
  return [
    ...(name === undefined ? [] : ([`container ${name}`] as const)),
    ...volumes.map((volume): Key => `volume ${volume}`),
    ...placement.dependencies.flatMap(({ container }): Key[] => [`container ${container}`, `moving ${container}`]),
  ];
}

/**
 * Creates under way, and containers and volumes that are being moved. A caller that needs one of these waits for its end, and holds
 * nothing while it waits.
 */
export class Traffic {
  readonly #creates = new Map<Key, Set<Promise<void>>>();
  readonly #locks = new Map<Key, Promise<void>>();

  /** Notes a create from its placement to its answer; the returned function ends it. */
  begin(keys: readonly Key[]): () => void {
    const { promise, resolve } = deferred();
    for (const key of keys) this.#creates.set(key, (this.#creates.get(key) ?? new Set()).add(promise));
    return () => {
      for (const key of keys) {
        const creates = this.#creates.get(key);
        if (creates?.delete(promise) && creates.size === 0) this.#creates.delete(key);
      }
      resolve();
    };
  }

  /** A create under way that touches one of these. */
  createOf(keys: Iterable<Key>): Promise<void> | undefined {
    if (this.#creates.size === 0) return undefined;
    for (const key of keys) for (const create of this.#creates.get(key) ?? []) return create;
    return undefined;
  }

  /** Keeps others away from these until the returned function is called. */
  lock(keys: readonly Key[]): () => void {
    const { promise, resolve } = deferred();
    for (const key of keys) this.#locks.set(key, promise);
    return () => {
      for (const key of keys) if (this.#locks.get(key) === promise) this.#locks.delete(key);
      resolve();
    };
  }

  /** The end of what keeps others away from one of these. */
  lockOn(keys: Iterable<Key>): Promise<void> | undefined {
    if (this.#locks.size === 0) return undefined;
    for (const key of keys) {
      const lock = this.#locks.get(key);
      if (lock) return lock;
    }
    return undefined;
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
