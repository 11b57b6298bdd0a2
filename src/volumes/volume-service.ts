import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError, NotFoundError, SchedulingError } from '../common/errors.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { RecordView } from '../kv/record-view.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Home } from '../scheduler/types.ts';
import { type NamedVolumeBody, sameOrConflict, type VolumeBody, withName } from './create-body.ts';
import { type HomeMemory, type LostHome, pendingSummary, VolumeHomes } from './homes.ts';
import { assertVolumeName } from './names.ts';
import type { VolumeRecord } from './records.ts';

export interface VolumeServiceDeps {
  readonly cluster: Cluster;
  /** Volumes that have no node yet, by name. */
  readonly records: RecordView<VolumeRecord>;
  /** For volumes that must have a node at once. */
  readonly placer: Pick<Placer<Node>, 'chooseByLabels'>;
  readonly clock: Clock;
  /** What is remembered of homes; undefined when nothing is kept. */
  readonly memory?: VolumeMemory | undefined;
}

/** What is remembered of homes, and how volumes are let go. */
export interface VolumeMemory extends HomeMemory {
  absentVolumes(): readonly VolumeSummary[];
  /** Lets a volume on nodes that left go. */
  releaseAbsent(name: string): Promise<void>;
  /** Lets a volume go that a node which is away held. */
  releaseOn(node: Node, name: string): Promise<void>;
}

/** Labels that ask for a node at once (`com.docker.swarm.constraints`, …). */
const PLACING_LABEL = /^com\.docker\.swarm\.(constraints|affinities|whitelists)$/;
const CALL_MS = 60_000;
/**
 * From API 1.42 on a substrate manager also looks among swarm-mode's cluster volumes, which an older substrate leader
 * refuses ("unknown method ListVolumes"); asked in 1.41 it knows its own volumes only.
 */
const LOCAL_VOLUMES_API: ApiVersion = '1.41';

/** The cluster's volumes as clients see them: each name once, at its home. One owner: the manager. */
export class VolumeService {
  readonly homes: VolumeHomes;
  readonly #deps: VolumeServiceDeps;
  /** Volumes being made or removed at this moment: their answer decides what follows. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(deps: VolumeServiceDeps) {
    this.#deps = deps;
    this.homes = new VolumeHomes(deps.cluster, deps.memory);
  }

  get #pending(): RecordView<VolumeRecord> {
    return this.#deps.records;
  }

  /** Every volume once, those without node included. */
  list(): readonly VolumeSummary[] {
    const { volumes } = this.#deps.cluster;
    const listed: VolumeSummary[] = [];
    for (const { key, holders } of volumes.list()) {
      const home = holders.size > 1 ? this.homes.homeOf(key) : undefined;
      const summary = (home && holders.get(home)) ?? holders.values().next().value;
      if (summary) listed.push(summary);
    }
    for (const record of this.#pending.values()) if (!volumes.get(record.name)) listed.push(pendingSummary(record));
    for (const absent of this.#deps.memory?.absentVolumes() ?? [])
      if (!volumes.get(absent.Name) && !this.#pending.has(absent.Name)) listed.push(absent);
    return listed;
  }

  /** What a listing must warn of: names that several nodes have, with the node that is meant. */
  warnings(): readonly string[] {
    const warnings: string[] = [];
    for (const { key, holders } of this.#deps.cluster.volumes.list()) {
      const copies = holders.size > 1 ? this.homes.holders(key) : [];
      if (copies.length < 2) continue;
      const names = copies.map(({ name }) => name).join(', ');
      warnings.push(`volume ${key} exists on ${names}: the one on ${this.homes.homeOf(key)?.name} is used`);
    }
    return warnings;
  }

  /** Names of pending volumes that pass `matches`. */
  pending(): readonly VolumeSummary[] {
    return [...this.#pending.values()].map(pendingSummary);
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
    return home.client.json<object>({ method: 'GET', path: volumePath(name), api: LOCAL_VOLUMES_API, signal });
  }

  /**
   * Takes a client's create body. A local volume is recorded and made where its first user is placed; one that exists
   * is answered as the engine answers; one with constraints or a driver of its own is made at once.
   */
  async create(body: VolumeBody, signal: AbortSignal): Promise<object> {
    const named = withName(body);
    assertVolumeName(named.Name);
    // One after the other, so that a second creator finds what the first one made, or that it failed.
    return this.#exclusively(named.Name, () => this.#createNow(named, signal));
  }

  async #createNow(named: NamedVolumeBody, signal: AbortSignal): Promise<object> {
    const home = this.#nodeFor(named.Name);
    const lost = this.#lostSummary(named.Name, home);
    if (lost) return sameOrConflict(lost, named);
    if (home) return this.#createOn(home, named, signal);
    const pending = this.#pending.get(named.Name);
    if (pending) return this.#same(pending, named);
    const isImmediate =
      (named.Driver ?? 'local') !== 'local' || Object.keys(named.Labels ?? {}).some((key) => PLACING_LABEL.test(key));
    if (!isImmediate) return this.#record(named);
    const node = this.#deps.placer.chooseByLabels(named.Labels ?? {});
    await this.#giveHome(named.Name, node);
    return this.#createOn(node, named, signal).finally(() => this.#withdraw(node, [named.Name]));
  }

  /** Removes a volume wherever it lives. Rejects as the engine does when it is in use; with `force` a missing one is fine. */
  async remove(name: string, force: boolean, signal: AbortSignal): Promise<void> {
    await this.#busy.get(name);
    if (this.homes.isReserved(name))
      throw new ConflictError(
        `remove ${name}: volume is in use - [a container that is being created]`,
        'VOLUME_IN_USE',
      );
    const holders = [...(this.#deps.cluster.volumes.get(name)?.holders.keys() ?? [])];
    const lost = this.homes.lostHome(name);
    if (holders.length === 0 && !this.#pending.has(name) && !lost) {
      if (force) return;
      throw noSuchVolume(name);
    }
    if (lost && !force) throw lostHome(name, lost, 503);
    await this.#exclusively(name, async () => {
      await this.#forget(name);
      const away = holders.filter(({ isHealthy }) => !isHealthy);
      if (force) await this.#letGo(name, away);
      await this.#removeFrom(force ? holders.filter(({ isHealthy }) => isHealthy) : holders, name, force, signal);
      for (const { id } of holders)
        if (!away.some((node) => node.id === id)) await this.#deps.memory?.released.delete(`${id}/${name}`);
    });
  }

  /** A volume whose node is away is not removed there, but has no home any more. */
  async #letGo(name: string, away: readonly Node[]): Promise<void> {
    const { memory, cluster } = this.#deps;
    for (const node of away) {
      await memory?.released.put(`${node.id}/${name}`, '');
      if (memory) await memory.releaseOn(node, name);
      else
        cluster.replaceVolumes(
          node,
          cluster.volumes.of(node).filter(({ Name }) => Name !== name),
        );
    }
    await memory?.releaseAbsent(name);
    if (this.homes.given(name)) await memory?.given.delete(name);
  }

  /** Forgets pending volumes; answers those it knew. */
  async forgetPending(names: readonly string[]): Promise<readonly string[]> {
    const known = names.filter((name) => this.#pending.has(name) && !this.homes.isReserved(name));
    await Promise.all(known.map((name) => this.#forget(name)));
    return known;
  }

  /** See {@link VolumeHomes.homesOf}. */
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
        void this.#withdraw(node, names);
      },
    };
  }

  /** To be called when a node's volumes are noted durably: homes given to it need no word of their own any more. */
  noted(node: Node): void {
    for (const name of [...(this.#deps.memory?.given.keys() ?? [])]) {
      const isListed = this.#deps.cluster.volumes.get(name)?.holders.has(node);
      if (isListed && this.homes.given(name)?.nodeId === node.id) void this.#withdraw(undefined, [name]);
    }
  }

  /** Forgets what is remembered of homes on a node that is given up. */
  async forgetNode(nodeId: string): Promise<void> {
    const { memory } = this.#deps;
    for (const name of [...(memory?.given.keys() ?? [])])
      if (this.homes.given(name)?.nodeId === nodeId) await memory?.given.delete(name);
    for (const key of [...(memory?.released.keys() ?? [])])
      if (key.startsWith(`${nodeId}/`)) await memory?.released.delete(key);
  }

  /** Takes back homes that were given and are no longer needed; all but those `node` lists. Never rejects: what stays is checked. */
  async #withdraw(node: Node | undefined, names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (!this.homes.given(name) || this.homes.isReserved(name)) continue;
      if (node && this.#deps.cluster.volumes.get(name)?.holders.has(node)) continue;
      await this.#deps.memory?.given.delete(name).catch(() => undefined);
    }
  }

  /** Makes an empty volume on `to` that is described as the one on `from`. */
  makeLike(name: string, from: Node, to: Node): Promise<void> {
    return this.#exclusively(name, async () => {
      const { Driver, Labels, Options } = this.#deps.cluster.volumes.get(name)?.holders.get(from) ?? {};
      const body = JSON.stringify({ Name: name, Driver, Labels, DriverOpts: Options });
      await this.#giveHome(name, to);
      await to.client.json({ method: 'POST', path: '/volumes/create', body, timeoutMs: CALL_MS });
      await to.refreshVolumes();
    });
  }

  /** Removes a volume from one node; rejects when something there uses it. */
  discard(name: string, node: Node): Promise<void> {
    return this.#exclusively(name, async () => {
      await node.client.json({ method: 'DELETE', path: volumePath(name), api: LOCAL_VOLUMES_API, timeoutMs: CALL_MS });
      await node.refreshVolumes();
      if (this.homes.given(name)?.nodeId === node.id) await this.#withdraw(node, [name]);
    });
  }

  /** Makes on `node` those volumes that are recorded but not made yet; to be awaited before the container is created. */
  async settle(node: Node, names: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const name of names) {
      await this.#busy.get(name);
      await this.#giveHome(name, node);
      const record = this.#pending.get(name);
      if (record) await this.#exclusively(name, () => this.#make(record, node, signal));
    }
  }

  /** Before the engine makes a volume it is durable where: a manager that starts while that node is down must know. */
  async #giveHome(name: string, node: Node): Promise<void> {
    const { memory, cluster } = this.#deps;
    if (!memory || cluster.volumes.get(name)?.holders.has(node)) return;
    if (this.homes.given(name)?.nodeId !== node.id)
      await memory.given.put(name, { nodeId: node.id, nodeName: node.name });
  }

  /** What is known of a volume that cannot be asked for now. */
  #lostSummary(name: string, home: Node | undefined): VolumeSummary | undefined {
    const { memory, cluster } = this.#deps;
    if (home) return home.isHealthy ? undefined : cluster.volumes.get(name)?.holders.get(home);
    return this.#pending.has(name) ? undefined : memory?.absentVolume(name)?.summary;
  }

  #nodeFor(name: string): Node | undefined {
    return this.homes.homeOf(name) ?? this.#deps.cluster.volumes.get(name)?.holders.keys().next().value;
  }

  async #createOn(node: Node, body: NamedVolumeBody, signal: AbortSignal): Promise<object> {
    const answer = await node.client.json<object>({
      method: 'POST',
      path: '/volumes/create',
      body: JSON.stringify(body),
      signal,
      timeoutMs: CALL_MS,
    });
    await node.refreshVolumes();
    return answer;
  }

  async #record(body: NamedVolumeBody): Promise<object> {
    const createdAt = new Date(this.#deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const record = { name: body.Name, body: JSON.stringify(body), createdAt };
    await this.#deps.records.put(record.name, record);
    return pendingSummary(record);
  }

  /** Creating what is already there is fine, unless it asks for something else. */
  #same(record: VolumeRecord, body: NamedVolumeBody): object {
    return sameOrConflict(pendingSummary(record), body);
  }

  async #make(record: VolumeRecord, node: Node, signal: AbortSignal | undefined): Promise<void> {
    // Another user of the volume made it meanwhile.
    if (!this.#pending.has(record.name)) return;
    const { body } = record;
    await node.client.json({ method: 'POST', path: '/volumes/create', body, signal, timeoutMs: CALL_MS });
    await node.refreshVolumes();
    // A record that cannot be removed now (a full disk) is hidden by the volume itself, and removed with it.
    await this.#forget(record.name).catch(() => undefined);
  }

  async #forget(name: string): Promise<void> {
    if (this.#pending.has(name)) await this.#pending.delete(name);
  }

  async #removeFrom(holders: readonly Node[], name: string, force: boolean, signal: AbortSignal): Promise<void> {
    const absent = holders.find(({ isHealthy }) => !isHealthy);
    if (absent)
      throw new ClusterError(`volume ${name} lives on ${absent.name}, which is not healthy: ${absent.reason}`, {
        code: 'NODE_UNHEALTHY',
        status: 503,
      });
    const path = `${volumePath(name)}${force ? '?force=1' : ''}`;
    const request = { method: 'DELETE', path, api: LOCAL_VOLUMES_API, signal, timeoutMs: CALL_MS } as const;
    const results = await Promise.allSettled(holders.map((node) => node.client.json(request)));
    await Promise.all(holders.map((node) => node.refreshVolumes()));
    const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    const [failure] = failures.filter((error) => !(error instanceof EngineAnswerError && error.status === 404));
    if (failure !== undefined) throw failure;
  }

  /** Runs an action on a volume; others that ask for it meanwhile wait for its end. */
  async #exclusively<T>(name: string, action: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(name) ?? Promise.resolve();
    const running = before.then(action);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#busy.set(name, settled);
    try {
      return await running;
    } finally {
      if (this.#busy.get(name) === settled) this.#busy.delete(name);
    }
  }
}

function lostHome(name: string, { nodeName, why }: LostHome, status: number): SchedulingError {
  return new SchedulingError(
    `volume ${name} lives on node ${nodeName}, which ${why}. Bring the node back, or give the volume up with docker volume rm -f ${name}`,
    'VOLUME_HOME_LOST',
    status,
  );
}

function volumePath(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`;
}

function noSuchVolume(name: string): NotFoundError {
  return new NotFoundError(`get ${name}: no such volume`, 'NO_SUCH_VOLUME');
}
