import { randomBytes } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError, NotFoundError } from '../common/errors.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { Home } from '../scheduler/types.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';
import { pendingSummary, VolumeHomes } from './volume-homes.ts';
import { ANONYMOUS_LABEL, assertVolumeName } from './volume-names.ts';
import type { VolumeRecord, VolumeRecordStore } from './volume-records.ts';

/** What {@link VolumeService} works with. */
export interface VolumeServiceParts {
  readonly cluster: Cluster;
  readonly records: VolumeRecordStore;
  /** Chooses a node for a volume that must have one at once, honouring the constraints in its labels. */
  readonly place: (labels: Readonly<Record<string, string>>) => Node | Promise<Node>;
  readonly clock: Clock;
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
  readonly #parts: VolumeServiceParts;
  readonly #pending = new Map<string, VolumeRecord>();
  /** Volumes being made or removed at this moment: their answer decides what follows. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(parts: VolumeServiceParts) {
    this.#parts = parts;
    this.homes = new VolumeHomes(parts.cluster);
  }

  /** Reads the records of volumes that have no node yet. To be awaited before the first call. */
  async start(): Promise<void> {
    for (const record of await this.#parts.records.list()) this.#pending.set(record.name, record);
  }

  /** Every volume once, those without node included. */
  list(): readonly VolumeSummary[] {
    const { volumes } = this.#parts.cluster;
    const listed: VolumeSummary[] = [];
    for (const { key, holders } of volumes.list()) {
      const home = holders.size > 1 ? this.homes.homeOf(key) : undefined;
      const summary = (home && holders.get(home)) ?? holders.values().next().value;
      if (summary) listed.push(summary);
    }
    for (const record of this.#pending.values()) if (!volumes.get(record.name)) listed.push(pendingSummary(record));
    return listed;
  }

  /** What a listing must warn of: names that several nodes have, with the node that is meant. */
  warnings(): readonly string[] {
    const warnings: string[] = [];
    for (const { key, holders } of this.#parts.cluster.volumes.list()) {
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
    if (!home) throw noSuchVolume(name);
    const known = this.#parts.cluster.volumes.get(name)?.holders.get(home);
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
    if (home) return this.#createOn(home, named, signal);
    const pending = this.#pending.get(named.Name);
    if (pending) return this.#same(pending, named);
    const isImmediate =
      (named.Driver ?? 'local') !== 'local' || Object.keys(named.Labels ?? {}).some((key) => PLACING_LABEL.test(key));
    if (!isImmediate) return this.#record(named);
    return this.#createOn(await this.#parts.place(named.Labels ?? {}), named, signal);
  }

  /** Removes a volume wherever it lives. Rejects as the engine does when it is in use; with `force` a missing one is fine. */
  async remove(name: string, force: boolean, signal: AbortSignal): Promise<void> {
    await this.#busy.get(name);
    if (this.homes.isReserved(name))
      throw new ConflictError(
        `remove ${name}: volume is in use - [a container that is being created]`,
        'VOLUME_IN_USE',
      );
    const holders = [...(this.#parts.cluster.volumes.get(name)?.holders.keys() ?? [])];
    const wasPending = this.#pending.has(name);
    if (holders.length === 0 && !wasPending) {
      if (force) return;
      throw noSuchVolume(name);
    }
    await this.#exclusively(name, async () => {
      await this.#forget(name);
      await this.#removeFrom(holders, name, force, signal);
    });
  }

  /** Forgets pending volumes; answers those it knew. */
  async forgetPending(names: readonly string[]): Promise<readonly string[]> {
    const known = names.filter((name) => this.#pending.has(name) && !this.homes.isReserved(name));
    await Promise.all(known.map((name) => this.#forget(name)));
    return known;
  }

  /** See {@link VolumeHomes.homesOf}. */
  homesOf(names: readonly string[]): readonly Home[] {
    return this.homes.homesOf(names);
  }

  /** See {@link VolumeHomes.claim}. */
  claim(node: Node, names: readonly string[]): { undo(): void } {
    return this.homes.claim(node, names);
  }

  /** Makes on `node` those volumes that are recorded but not made yet; to be awaited before the container is created. */
  async settle(node: Node, names: readonly string[], signal?: AbortSignal): Promise<void> {
    for (const name of names) {
      await this.#busy.get(name);
      const record = this.#pending.get(name);
      if (record) await this.#exclusively(name, () => this.#make(record, node, signal));
    }
  }

  #nodeFor(name: string): Node | undefined {
    return this.homes.homeOf(name) ?? this.#parts.cluster.volumes.get(name)?.holders.keys().next().value;
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
    const createdAt = new Date(this.#parts.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const record = { name: body.Name, body: JSON.stringify(body), createdAt };
    // Durable before anybody sees it: what could not be written was never there.
    await this.#parts.records.put(record);
    this.#pending.set(record.name, record);
    return pendingSummary(record);
  }

  /** Creating what is already there is fine, unless it asks for something else. */
  #same(record: VolumeRecord, body: NamedVolumeBody): object {
    const before = pendingSummary(record);
    const now = pendingSummary({ ...record, body: JSON.stringify(body) });
    const isOther =
      now.Driver !== before.Driver ||
      (now.Options !== null && JSON.stringify(sorted(now.Options)) !== JSON.stringify(sorted(before.Options)));
    if (isOther)
      throw new ConflictError(`create ${record.name}: conflict: volume name must be unique`, 'VOLUME_NAME_IN_USE');
    return before;
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
    if (!this.#pending.has(name)) return;
    await this.#parts.records.delete(name);
    this.#pending.delete(name);
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

/** A client's `POST /volumes/create`; passes through. */
export interface VolumeBody {
  readonly Name?: string;
  readonly Driver?: string;
  readonly Labels?: Readonly<Record<string, string>> | null;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
}

type NamedVolumeBody = VolumeBody & { readonly Name: string };

/** A volume without a name gets one, and the label by which pruning tells such volumes (Engine API 1.42). */
function withName(body: VolumeBody): NamedVolumeBody {
  if (body.Name) return { ...body, Name: body.Name };
  return { ...body, Name: randomBytes(32).toString('hex'), Labels: { ...body.Labels, [ANONYMOUS_LABEL]: '' } };
}

function volumePath(name: string): string {
  return `/volumes/${encodeURIComponent(name)}`;
}

function noSuchVolume(name: string): NotFoundError {
  return new NotFoundError(`get ${name}: no such volume`, 'NO_SUCH_VOLUME');
}

function sorted(options: Readonly<Record<string, string>> | null | undefined): readonly (readonly [string, string])[] {
  return Object.entries(options ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}
