import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { type ContainerSpec, withName } from '../desired/container-spec.ts';

/** Characters of create bodies kept in all, for containers that were never started; beyond that the oldest stay where they are. */
const MAX_BODIES = 32 * 2 ** 20;

/** A container that was created here and has not been used yet: it may still be made on another node. */
export interface Draft {
  readonly id: string;
  /** As it was asked for, under the name it has now. */
  readonly spec: ContainerSpec;
  /** The credentials it was created with: its image may have to be pulled on another node. */
  readonly registryAuth: string | undefined;
  /** IDs of the containers it refers to. */
  readonly dependencies: readonly string[];
}

/** A draft with the container that it is now. */
export interface Member {
  readonly draft: Draft;
  readonly container: Container;
}

/**
 * What is provisional: containers that were never started, with their specifications, and volumes that were made for such containers and have had
 * no other user. Kept in memory only: after a restart of the manager everything stays where it is.
 */
export class Drafts {
  readonly #cluster: Cluster;
  readonly #maxBodies: number;
  readonly #drafts = new Map<string, Draft>();
  readonly #dependents = new Map<string, Set<string>>();
  /** Volumes that only drafts have used, with those drafts. */
  readonly #volumes = new Map<string, Set<string>>();
  #bodies = 0;

  constructor(cluster: Cluster, maxBodies: number = MAX_BODIES) {
    this.#cluster = cluster;
    this.#maxBodies = maxBodies;
  }

  /** Takes in a container just created. `newVolumes` are the ones that lived nowhere before. */
  add(id: string, spec: ContainerSpec, registryAuth: string | undefined, newVolumes: readonly string[]): void {
    const dependencies = spec.placement.dependencies.flatMap(
      ({ container }) => this.#cluster.findContainer(container)?.id ?? [],
    );
    this.#drafts.set(id, { id, spec, registryAuth, dependencies });
    this.#bodies += spec.source.text.length;
    for (const each of dependencies) this.#dependents.set(each, (this.#dependents.get(each) ?? new Set()).add(id));
    for (const name of spec.volumes) {
      const users = this.#volumes.get(name) ?? (newVolumes.includes(name) ? new Set<string>() : undefined);
      if (users) this.#volumes.set(name, users.add(id));
    }
    for (const oldest of this.#drafts.keys()) {
      if (this.#bodies <= this.#maxBodies) break;
      this.settle(oldest);
    }
  }

  /** The container is used: it stays where it is, and so does all it refers to. */
  settle(id: string): void {
    const draft = this.#take(id);
    if (!draft) return;
    for (const name of draft.spec.volumes) this.#volumes.delete(name);
    for (const each of draft.dependencies) this.settle(each);
  }

  /** The container was removed without having been used. */
  forget(id: string): void {
    const draft = this.#take(id);
    for (const name of draft?.spec.volumes ?? []) {
      const users = this.#volumes.get(name);
      if (users?.delete(id) && users.size === 0) this.#volumes.delete(name);
    }
  }

  rename(id: string, name: string): void {
    const draft = this.#drafts.get(id);
    if (draft) this.#drafts.set(id, { ...draft, spec: withName(draft.spec, name) });
  }

  /** The draft with its container, if it is one still: it may have been started at its engine. */
  member(id: string): Member | undefined {
    const draft = this.#drafts.get(id);
    const container = draft && this.#cluster.findContainer(id);
    return draft && container?.state === 'created' && container.node.isHealthy ? { draft, container } : undefined;
  }

  /** The drafts a volume was made for, when it has had no other user. */
  usersOf(volume: string): ReadonlySet<string> | undefined {
    return this.#volumes.get(volume);
  }

  /** IDs of the drafts that refer to a container. */
  dependentsOf(id: string): ReadonlySet<string> {
    return this.#dependents.get(id) ?? NONE;
  }

  #take(id: string): Draft | undefined {
    const draft = this.#drafts.get(id);
    if (!draft) return undefined;
    this.#drafts.delete(id);
    this.#bodies -= draft.spec.source.text.length;
    for (const each of draft.dependencies) {
      const dependents = this.#dependents.get(each);
      if (dependents?.delete(id) && dependents.size === 0) this.#dependents.delete(each);
    }
    return draft;
  }
}

const NONE: ReadonlySet<string> = new Set();
