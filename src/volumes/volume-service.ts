import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { RecordView } from '../kv/record-view.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Home } from '../scheduler/types.ts';
import { isPlacedAtOnce, type NamedVolumeBody, sameOrConflict, type VolumeBody, withName } from './create-body.ts';
import { pendingSummary, VolumeHomes } from './homes.ts';
import { KeptHomes, type VolumeMemory } from './kept-homes.ts';
import type { KeptSources } from './kept-sources.ts';
import { listVolumes, type VolumeListing, type VolumeQuery } from './listing.ts';
import { assertVolumeName } from './names.ts';
import { inspectOn, makeOn, removeFromAll, removeOn } from './on-engines.ts';
import { PendingVolumes } from './pending-volumes.ts';
import { isPrunable, pruneVolumesOnEach, type VolumePrune } from './prune.ts';
import type { VolumeRecord } from './records.ts';
import { lostHome, noSuchVolume, volumeInUse } from './refusals.ts';
import { Turns } from './turns.ts';
import { VolumeMoves } from './volume-moves.ts';

export interface VolumeServiceDeps {
  readonly cluster: Cluster;
  /** Volumes that have no node yet, by name. */
  readonly records: RecordView<VolumeRecord>;
  /** For volumes that must have a node at once. */
  readonly placer: Pick<Placer<Node>, 'chooseByLabels'>;
  readonly clock: Clock;
  /** What is remembered of homes; undefined when nothing is kept. */
  readonly memory?: VolumeMemory | undefined;
  /** What moves leave behind; undefined when nothing is kept. */
  readonly sources?: KeptSources | undefined;
}

/** The cluster's volumes as clients see them: each name once, at its home. One owner: the manager. */
export class VolumeService {
  readonly homes: VolumeHomes;
  readonly moves: VolumeMoves;
  readonly #deps: VolumeServiceDeps;
  readonly #kept: KeptHomes;
  readonly #pending: PendingVolumes;
  /** Creations and removals of a volume: the end of one decides what follows. */
  readonly #turns = new Turns();

  constructor(deps: VolumeServiceDeps) {
    const { cluster, memory } = deps;
    this.#deps = deps;
    this.homes = new VolumeHomes(cluster, memory);
    this.#kept = new KeptHomes({ cluster, homes: this.homes, memory });
    this.#pending = new PendingVolumes(deps);
    const { sources } = deps;
    this.moves = new VolumeMoves({ ...deps, memory, sources, homes: this.homes, turns: this.#turns });
  }

  /** Volumes that are asked for, those without node included. Rejects only when the signal is aborted. */
  list(query: VolumeQuery, signal: AbortSignal): Promise<VolumeListing> {
    return listVolumes({ ...this.#deps, homes: this.homes, pending: this.#pending }, query, signal);
  }

  /** The volume as its home describes it; 404 in the engine's words. */
  async inspect(name: string, signal: AbortSignal): Promise<object> {
    const record = this.#pending.get(name);
    const home = this.#nodeFor(name);
    if (!home && record) return pendingSummary(record);
    const absent = home ? undefined : this.#deps.memory?.absentVolume(name);
    if (absent) return absent.summary;
    if (!home) throw noSuchVolume(name);
    const known = this.#deps.cluster.volumes.get(name)?.holders.get(home);
    if (!home.isHealthy && known) return known;
    return inspectOn(home, name, signal);
  }

  /**
   * Takes a client's create body. A local volume is recorded and made where its first user is placed; one that exists
   * is answered as the engine answers; one with constraints or a driver of its own is made at once.
   */
  async create(body: VolumeBody, signal: AbortSignal): Promise<object> {
    const named = withName(body);
    assertVolumeName(named.Name);
    // One after the other, so that a second creator finds what the first one made, or that it failed.
    return this.#turns.run(named.Name, () => this.#createNow(named, signal));
  }

  /**
   * Removes a volume wherever it lives; with `force` a missing one is fine, and one whose node is away is given up. Rejects as the engine
   * does when it is in use, for several nodes with every failure.
   */
  async remove(name: string, force: boolean, signal: AbortSignal): Promise<void> {
    await this.#turns.ended(name);
    if (this.homes.isReserved(name)) throw volumeInUse(name);
    const holders = [...(this.#deps.cluster.volumes.get(name)?.holders.keys() ?? [])];
    const lost = this.homes.lostHome(name);
    if (holders.length === 0 && !this.#pending.has(name) && !lost) {
      if (force) return;
      throw noSuchVolume(name);
    }
    if (lost && !force) throw lostHome(name, lost, 503);
    await this.#turns.run(name, async () => {
      await this.#pending.forget(name);
      const away = holders.filter(({ isHealthy }) => !isHealthy);
      if (force) await this.#kept.letGo(name, away);
      await removeFromAll(force ? holders.filter(({ isHealthy }) => isHealthy) : holders, name, force, signal);
      const present = holders.filter((node) => !away.some(({ id }) => id === node.id));
      await this.#deps.memory?.flush();
      await this.#kept.removed(name, present);
    });
  }

  /**
   * Removes unused volumes on every node, and those without node. Rejects with every failure, by node; the others are pruned all the
   * same.
   */
  async prune(
    prune: VolumePrune,
    signal: AbortSignal,
  ): Promise<{ readonly names: readonly string[]; readonly spaceBytes: number }> {
    const pruned = await pruneVolumesOnEach(this.#deps.cluster.healthyNodes(), prune, signal);
    const waiting = this.#pending.summaries().filter((volume) => isPrunable(volume, prune));
    const forgotten = waiting.map(({ Name }) => Name).filter((name) => !this.homes.isReserved(name));
    await Promise.all(forgotten.map((name) => this.#pending.forget(name)));
    await this.#deps.memory?.flush();
    if (pruned.failure) throw pruned.failure;
    return { names: [...new Set([...pruned.names, ...forgotten])].sort(), spaceBytes: pruned.spaceBytes };
  }

  /** See {@link VolumeHomes.homesOf}; throws when one of the volumes cannot be used where it lives. */
  homesOf(names: readonly string[]): readonly Home[] {
    for (const name of names) {
      const lost = this.homes.lostHome(name);
      if (lost) throw lostHome(name, lost, 500);
    }
    return this.homes.homesOf(names);
  }

  /** See {@link VolumeHomes.homeOf}. */
  homeOf(name: string): Node | undefined {
    return this.homes.homeOf(name);
  }

  /** See {@link VolumeHomes.claim}. */
  claim(node: Node, names: readonly string[]): { readonly names: readonly string[]; undo(): void } {
    const claim = this.homes.claim(node, names);
    return {
      names: claim.names,
      undo: () => {
        claim.undo();
        void this.#kept.withdraw(node, names);
      },
    };
  }

  /** Makes on `node` those volumes that are recorded but not made yet; to be awaited before the container is created. */
  async settle(node: Node, names: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const name of names) {
      await this.#turns.ended(name);
      await this.#kept.give(name, node);
      const record = this.#pending.get(name);
      if (record) await this.#turns.run(name, () => this.#make(record, node, signal));
    }
  }

  /** Makes an empty volume on `to` that is described as the one on `from`. */
  makeLike(name: string, from: Node, to: Node): Promise<void> {
    return this.#turns.run(name, async () => {
      const { Driver, Labels, Options } = this.#deps.cluster.volumes.get(name)?.holders.get(from) ?? {};
      await this.#kept.give(name, to);
      await makeOn(to, JSON.stringify({ Name: name, Driver, Labels, DriverOpts: Options }));
    });
  }

  /** Removes a volume from one node; rejects when something there uses it. */
  discard(name: string, node: Node): Promise<void> {
    return this.#turns.run(name, async () => {
      await removeOn(node, name);
      await this.#deps.memory?.flush();
      if (this.homes.given(name)?.nodeId === node.id) await this.#kept.withdraw(node, [name]);
    });
  }

  /** To be called when a node's volumes are noted durably. */
  noted(node: Node): void {
    this.#kept.noted(node);
  }

  /** Forgets what is remembered of homes on a node that is given up. */
  forgetNode(nodeId: string): Promise<void> {
    return this.#kept.forgetNode(nodeId);
  }

  async #createNow(body: NamedVolumeBody, signal: AbortSignal): Promise<object> {
    const name = body.Name;
    const home = this.#nodeFor(name);
    const lost = this.#lostSummary(name, home);
    if (lost) return sameOrConflict(lost, body);
    if (home) return makeOn(home, JSON.stringify(body), signal);
    const pending = this.#pending.get(name);
    if (pending) return sameOrConflict(pendingSummary(pending), body);
    if (!isPlacedAtOnce(body)) return this.#pending.add(body);
    const node = this.#deps.placer.chooseByLabels(body.Labels ?? {});
    await this.#kept.give(name, node);
    try {
      return await makeOn(node, JSON.stringify(body), signal);
    } finally {
      await this.#deps.memory?.flush();
      await this.#kept.withdraw(node, [name]);
    }
  }

  async #make({ name, body }: VolumeRecord, node: Node, signal: AbortSignal | undefined): Promise<void> {
    // Another user of the volume made it meanwhile.
    if (!this.#pending.has(name)) return;
    await makeOn(node, body, signal);
    await this.#deps.memory?.flush();
    // A record that cannot be removed now (a full disk) is hidden by the volume itself, and removed with it.
    await this.#pending.forget(name).catch(() => undefined);
  }

  /** What is known of a volume whose node cannot be asked now. */
  #lostSummary(name: string, home: Node | undefined): VolumeSummary | undefined {
    const { memory, cluster } = this.#deps;
    if (home) return home.isHealthy ? undefined : cluster.volumes.get(name)?.holders.get(home);
    return this.#pending.has(name) ? undefined : memory?.absentVolume(name)?.summary;
  }

  #nodeFor(name: string): Node | undefined {
    return this.homes.homeOf(name) ?? this.#deps.cluster.volumes.get(name)?.holders.keys().next().value;
  }
}
