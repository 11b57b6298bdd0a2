import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { coalesced } from '../common/coalesced.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { readSwarmAge, readSwarmNetworks } from '../substrate/swarm-api.ts';
import { isClusterNetwork, isSubstrateInternal } from '../substrate/swarm-networks.ts';
import type { SubstrateAge } from './network-record.ts';

/** Read again at least this often, in milliseconds, in case an event was missed. */
const REREAD_MS = 30_000;
/** A network without addresses for longer than this, in milliseconds, is not being made any more. */
const ALLOCATION_MS = 60_000;
/** How long engines may go on listing a network that was removed, in milliseconds. */
const REMEMBER_MS = 600_000;

/** What a manager with a leader listed last, with our own writes since. */
export interface NetworkReading {
  /** By the substrate's IDs, those included that have no addresses (yet). */
  readonly networks: ReadonlyMap<string, NetworkSummary>;
  /** The substrate that was read. */
  readonly age: SubstrateAge;
}

export interface ClusterNetworksDeps {
  readonly substrate: Substrate;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Told of every network that was listed or made, before it can be found here. */
  readonly onListed: (networks: readonly NetworkSummary[]) => void;
  /** Told after each reading. */
  readonly onRead: () => void;
}

/**
 * The networks of the substrate. Engines list such a network only while they use it, and managers without a leader leave
 * out the unused ones without a word: the truth is what a manager with a leader lists, plus our own writes since.
 */
export class ClusterNetworks {
  readonly #substrate: Substrate;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onListed: ClusterNetworksDeps['onListed'];
  readonly #onRead: ClusterNetworksDeps['onRead'];
  readonly #stop = sharedStop();
  readonly #unsubscribe: () => void;
  readonly #reread: () => Promise<void>;
  #networks: ReadonlyMap<string, NetworkSummary> = new Map();
  /** Own writes with the generation they happened in: a reading that began earlier does not undo them. */
  readonly #written = new Map<string, number>();
  /** Removed networks with the time of their removal: engines list one for a moment after its last container went. */
  readonly #removedMs = new Map<string, number>();
  /** Networks that have no driver and no addresses yet, with the time they were first listed so. */
  readonly #unallocatedMs = new Map<string, number>();
  #internal: readonly NetworkSummary[] = [];
  #generation = 0;
  #version = 0;
  #isKnown = false;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #readFrom: SubstrateAge | undefined;
  #unallocated: readonly NetworkSummary[] = [];

  constructor({ substrate, clock, logger, onListed, onRead }: ClusterNetworksDeps) {
    this.#substrate = substrate;
    this.#clock = clock;
    this.#logger = logger;
    this.#onListed = onListed;
    this.#onRead = onRead;
    this.#reread = coalesced(() => this.#read());
    this.#unsubscribe = substrate.subscribe(() => this.#onRound());
  }

  /** Whether the list was read at least once; until then no network can be called missing. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  list(): ReadonlyMap<string, NetworkSummary> {
    return this.#networks;
  }

  /** Undefined before the first reading. */
  get reading(): NetworkReading | undefined {
    if (!this.#readFrom) return undefined;
    const unallocated = this.#unallocated.map((summary) => [summary.Id, summary] as const);
    return { networks: new Map([...unallocated, ...this.#networks]), age: this.#readFrom };
  }

  /** The substrate's own networks, which clients never see but whose subnets are taken. */
  get internal(): readonly NetworkSummary[] {
    return this.#internal;
  }

  /** Takes in a network that was just created. */
  put(summary: NetworkSummary): void {
    this.#onListed([summary]);
    this.#write(summary.Id, summary);
  }

  /** Forgets a network that was just removed; IDs are never used again. */
  delete(id: string): void {
    const now = this.#clock.elapsed();
    for (const [old, removedMs] of this.#removedMs) if (now - removedMs > REMEMBER_MS) this.#removedMs.delete(old);
    this.#removedMs.set(id, now);
    this.#unallocatedMs.delete(id);
    this.#write(id, undefined);
  }

  /** Reads the list again; resolves with a reading that began after the call, or with nothing learned. */
  async refresh(): Promise<void> {
    await this.#reread();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('closed'));
  }

  #onRound(): void {
    const { managers, swarmId, epoch } = this.#substrate.status;
    if (managers.length === 0) return;
    const isDue = this.#clock.elapsed() - this.#readAtMs >= REREAD_MS;
    // Not awaited: a failed reading is logged there and repeated after the next round.
    if (isDue || !this.#isKnown || this.#readFrom?.swarmId !== swarmId || this.#readFrom?.epoch !== epoch)
      void this.#reread();
  }

  async #read(): Promise<void> {
    const { managers } = this.#substrate.status;
    const generation = ++this.#generation;
    for (const { client, name } of managers) {
      try {
        const { signal } = this.#stop;
        const before = await readSwarmAge(client, signal);
        const listed = await readSwarmNetworks(client, signal);
        const age = await readSwarmAge(client, signal);
        // Of one and the same substrate: it may be formed anew in this very moment.
        if (!before || before.swarmId !== age?.swarmId || before.epoch !== age.epoch) continue;
        this.#replace(listed, generation);
        this.#readAtMs = this.#clock.elapsed();
        this.#readFrom = age;
        this.#isKnown = true;
        this.#onRead();
        return;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#logger.debug({ engine: name, reason: reasonOf(error) }, 'substrate: cannot list networks');
      }
    }
  }

  #replace(listed: readonly NetworkSummary[], generation: number): void {
    const networks = new Map<string, NetworkSummary>();
    this.#onListed(listed);
    this.#unallocated = listed.filter((summary) => isClusterNetwork(summary) && summary.Driver === '');
    this.#internal = listed.filter((summary) => summary.Scope === 'swarm' && isSubstrateInternal(summary));
    for (const summary of listed) {
      if (!isClusterNetwork(summary)) continue;
      if (this.#removedMs.has(summary.Id) || this.#isNewer(summary.Id, generation)) continue;
      if (this.#isBeingMade(summary)) continue;
      networks.set(summary.Id, keepCreated(summary, this.#networks.get(summary.Id)));
    }
    for (const [id, summary] of this.#networks) if (this.#isNewer(id, generation)) networks.set(id, summary);
    for (const [id, written] of this.#written) if (written < generation) this.#written.delete(id);
    this.#networks = networks;
    this.#version += 1;
  }

  /**
   * Whether a network is still being allocated: who creates it shows it when it is. One that stays so was left behind, and is shown
   * so that a client can remove it.
   */
  #isBeingMade({ Id, Driver }: NetworkSummary): boolean {
    if (Driver !== '') {
      this.#unallocatedMs.delete(Id);
      return false;
    }
    const now = this.#clock.elapsed();
    const sinceMs = this.#unallocatedMs.get(Id) ?? now;
    this.#unallocatedMs.set(Id, sinceMs);
    return now - sinceMs < ALLOCATION_MS;
  }

  #isNewer(id: string, generation: number): boolean {
    return (this.#written.get(id) ?? -1) >= generation;
  }

  #write(id: string, summary: NetworkSummary | undefined): void {
    const networks = new Map(this.#networks);
    if (summary) networks.set(id, summary);
    else networks.delete(id);
    this.#networks = networks;
    this.#written.set(id, this.#generation);
    this.#version += 1;
  }
}

/** An engine that uses a network tells when it began to: the earliest time known is when it was created. */
function keepCreated(summary: NetworkSummary, earlier: NetworkSummary | undefined): NetworkSummary {
  const isLater = (summary.Created ?? '') > (earlier?.Created ?? '');
  return earlier?.Created !== undefined && isLater ? { ...summary, Created: earlier.Created } : summary;
}
