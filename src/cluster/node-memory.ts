import type { Clock } from '../common/clock.ts';
import { type ClusterError, ConflictError, NotFoundError, reasonOf } from '../common/errors.ts';
import { ROLE_LABEL } from '../common/labels.ts';
import type { Logger } from '../common/logger.ts';
import type { ContainerSummary, VolumeSummary } from '../engine/types.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { type AbsentNode, AbsentNodes, type AbsentVolume, describeAbsent } from './absent-nodes.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterEvent } from './events.ts';
import { HeldNotes, type NoteStore } from './held-notes.ts';
import type { Node } from './node.ts';
import { lastingInfo, type NodeRecord } from './node-record.ts';
import { NOTES_ALONE, type Recollection } from './recollection.ts';
import { SeenNodes } from './seen-nodes.ts';

export interface NodeMemoryDeps {
  readonly cluster: Cluster;
  /** One record for each node. */
  readonly records: RecordStore;
  readonly notes: NoteStore;
  /** Default: notes say it alone. */
  readonly recollection?: Recollection;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What else is remembered of nodes. */
export interface MemoryFollower {
  /** The volumes of a node are noted as the model lists them. */
  noted(node: Node): void;
  /** A node is about to be forgotten. A rejection keeps the node. */
  forgetNode(nodeId: string): Promise<void>;
}

/**
 * The nodes that were ever seen and what they held, over restarts of the manager: a node that is down at the start is
 * shown as it was, and one that left with containers or volumes on it keeps them until it is forgotten.
 */
export class NodeMemory {
  readonly seen: SeenNodes;
  readonly #deps: NodeMemoryDeps;
  readonly #notes: HeldNotes;
  readonly #absent = new AbsentNodes();
  #unsubscribe: () => void = () => undefined;
  readonly #followers: MemoryFollower[] = [];
  #failure: string | undefined;
  /** The node that is leaving, if it did not answer. */
  #unhealthyAtLast: Node | undefined;

  constructor(deps: NodeMemoryDeps) {
    this.#deps = deps;
    this.seen = new SeenNodes(deps.records);
    this.#notes = new HeldNotes({
      ...deps,
      onResult: (failure, volumesOf) => {
        this.#onResult(failure);
        for (const node of volumesOf) for (const follower of this.#followers) follower.noted(node);
      },
    });
  }

  /** Tells one more. */
  follow(follower: MemoryFollower): void {
    this.#followers.push(follower);
  }

  /** Begins to note what the cluster's nodes are and hold. To be called once, before there are nodes. */
  async start(): Promise<void> {
    await this.seen.load();
    for (const record of this.seen.all()) if (record.left) await this.#loadAbsent(record);
    this.#unsubscribe = this.#deps.cluster.subscribe((event) => this.#onEvent(event));
  }

  /** The engine last seen at an entry, now that discovery has it; undefined for a new entry. */
  recall(entry: string): NodeRecord | undefined {
    const last = this.seen.lastAt(entry);
    if (!last?.left) return last;
    const { left: _, ...record } = last;
    this.#return(record);
    return record;
  }

  /** Shows what a node held when it was last seen, if it was not reached since the start. */
  async restore(node: Node): Promise<void> {
    if (node.isHealthy || !this.seen.get(node.id)) return;
    const { id } = node;
    const held = await this.#held(id);
    const isUnseen = node.id === id && !node.isHealthy && node.containers.size === 0 && node.updatedAtMs === 0;
    if (isUnseen && this.#deps.cluster.nodes.includes(node)) this.#deps.cluster.restoreHoldings(node, held);
  }

  /**
   * To be called when discovery told its entries for the first time: nodes that were seen before and are not among them left
   * while no manager ran.
   */
  async settle(): Promise<void> {
    const { cluster } = this.#deps;
    const entries = new Set(cluster.nodes.map(({ entry }) => entry));
    for (const record of this.seen.all()) {
      if (record.left || entries.has(record.entry) || cluster.node(record.id)) continue;
      await this.#leave(record, 'it left discovery');
    }
  }

  /** The nodes that left with something on them. */
  absentNodes(): Iterable<AbsentNode> {
    return this.#absent.all();
  }

  /** A volume on a node that left; undefined when there is none. */
  absentVolume(name: string): AbsentVolume | undefined {
    return this.#absent.volume(name);
  }

  /** Volumes on nodes that left. */
  absentVolumes(): readonly VolumeSummary[] {
    return this.#absent.volumes();
  }

  /** Lets a volume on nodes that left go: it has no home any more. Rejects when that cannot be written. */
  async releaseAbsent(name: string): Promise<void> {
    for (const { absent, others } of this.#absent.holding(name)) {
      await this.#notes.putVolumes(absent.record.id, others);
      // It may have come back meanwhile.
      if (this.#absent.has(absent)) this.#absent.put({ ...absent, volumes: others });
    }
  }

  /** Lets a volume go that a node in the cluster held when it was last seen. Rejects when that cannot be written. */
  async releaseOn(node: Node, name: string): Promise<void> {
    const { cluster } = this.#deps;
    const kept = (): readonly VolumeSummary[] => cluster.volumes.of(node).filter(({ Name }) => Name !== name);
    await this.#notes.putVolumes(node.id, kept());
    // A node that came back meanwhile has told what it holds.
    if (!node.isHealthy) cluster.replaceVolumes(node, kept());
  }

  /**
   * Forgets a node that left, by ID, name or entry: its containers, and the homes of its volumes. Throws 404 for
   * an unknown one and 409 for one that is in the cluster.
   */
  async forget(reference: string): Promise<void> {
    const [absent, other] = this.#absent.called(reference);
    if (!absent) throw this.#notAbsent(reference);
    if (other)
      throw new ConflictError(`several nodes that left are called ${reference}: give the ID`, 'AMBIGUOUS_NODE');
    const { id } = absent.record;
    for (const follower of this.#followers) await follower.forgetNode(id);
    await this.#notes.forget(id);
    await this.seen.forget(id);
    this.seen.delete(id);
    this.#absent.delete(id);
    this.#deps.logger.info({ node: absent.record.info.Name, id }, 'node forgotten');
  }

  /** For `docker info`: nodes that left with something on them, and what cannot be noted. */
  problems(): readonly string[] {
    const failure = this.#failure === undefined ? [] : [`WARNING: what nodes hold cannot be noted: ${this.#failure}`];
    return [...failure, ...Array.from(this.#absent.all(), (absent) => `WARNING: ${describeAbsent(absent)}`)];
  }

  /**
   * Notes at once what the model shows by now: to be awaited before a client is told of a change that no record tells of. Resolves also
   * when it cannot be written; {@link problems} says so.
   */
  flush(): Promise<void> {
    return this.#notes.flush();
  }

  /** A container is gone from a node: what was noted of it is, too, when it resolves. Rejects when that cannot be written. */
  forgetContainer(nodeId: string, engineId: string): Promise<void> {
    return this.#notes.forgetContainer(nodeId, engineId);
  }

  /** Writes what is waiting. */
  async close(): Promise<void> {
    this.#unsubscribe();
    await this.#notes.close();
  }

  #seen(node: Node): void {
    const { info } = node;
    if (!info) return;
    const known = this.seen.get(node.id);
    const seenAt = known ? known.seenAt : new Date().toISOString();
    const record: NodeRecord = { id: node.id, entry: node.entry, info: lastingInfo(info), ...(seenAt && { seenAt }) };
    const isSame = JSON.stringify(known) === JSON.stringify(record);
    if (!isSame) this.#return(record);
    this.#background(this.#notes.begin(node));
    for (const other of this.seen.all()) {
      if (other.entry !== node.entry || other.id === node.id || other.left) continue;
      this.#background(this.#leave(other, `another engine (${node.name}) answers at its address`, true));
    }
  }

  /** A node that had left is in the cluster again. */
  #return(record: NodeRecord): void {
    this.seen.set(record);
    this.#absent.delete(record.id);
    this.#background(this.seen.write(record));
  }

  async #left(node: Node, why: string): Promise<void> {
    const record = this.seen.get(node.id);
    const isLost = this.#unhealthyAtLast === node;
    this.#unhealthyAtLast = undefined;
    if (record && record.entry === node.entry) await this.#leave(record, why, isLost);
  }

  /** A node is gone: said when it held something, forgotten when not. */
  async #leave(record: NodeRecord, why: string, isLost: boolean = false): Promise<void> {
    const { logger } = this.#deps;
    const left = { ...record, left: { at: new Date().toISOString(), why, ...(isLost && { isLost }) } };
    this.seen.set(left);
    const absent = await this.#loadAbsent(left);
    if (absent) {
      await this.seen.write(left);
      logger.warn({ node: record.info.Name, entry: record.entry }, describeAbsent(absent));
    } else if (this.seen.get(record.id) === left) {
      this.seen.delete(record.id);
      await this.#notes.forget(record.id);
      await this.seen.forget(record.id);
    }
  }

  /** What a node that is not reached has on it. */
  async #held(
    nodeId: string,
  ): Promise<{ readonly containers: readonly ContainerSummary[]; readonly volumes: readonly VolumeSummary[] }> {
    const { recollection = NOTES_ALONE } = this.#deps;
    const { containers, volumes } = await this.#notes.read(nodeId);
    return { containers: await recollection.containersOn(nodeId, containers), volumes };
  }

  async #loadAbsent(record: NodeRecord): Promise<AbsentNode | undefined> {
    const held = await this.#held(record.id);
    const { volumes } = held;
    const containers = held.containers.filter(({ Labels }) => !Object.hasOwn(Labels ?? {}, ROLE_LABEL));
    if (containers.length === 0 && volumes.length === 0) return undefined;
    // It may have come back meanwhile.
    if (this.seen.get(record.id) !== record) return undefined;
    const absent = { record, containers: containers.length, volumes };
    this.#absent.put(absent);
    return absent;
  }

  #notAbsent(reference: string): ClusterError {
    const node =
      this.#deps.cluster.node(reference) ?? this.#deps.cluster.nodes.find(({ entry }) => entry === reference);
    if (!node)
      return new NotFoundError(`no node ${reference} is remembered: docker info names those that left`, 'NO_SUCH_NODE');
    return new ConflictError(
      `node ${node.name} is in the cluster: take ${node.entry} out of discovery first, and it can be forgotten`,
      'NODE_IN_USE',
    );
  }

  #onEvent(event: ClusterEvent): void {
    const { node } = event;
    switch (event.kind) {
      case 'container-changed':
        if (event.before.node !== node) this.#notes.containerChanged(event.before.node, event.before.engineId);
        return this.#notes.containerChanged(node, event.after.engineId);
      case 'container-added':
        return this.#notes.containerChanged(node, event.after.engineId);
      case 'container-removed':
        return this.#notes.containerChanged(node, event.before.engineId);
      case 'volumes-changed':
        return this.#notes.volumesChanged(node);
      case 'holdings-leaving':
        return this.#notes.leave(node);
      case 'node-state':
        if (event.to === 'Disconnected' && event.from === 'Unhealthy') this.#unhealthyAtLast = node;
        return event.to === 'Healthy' ? this.#seen(node) : undefined;
      case 'node-removed':
        return this.#background(this.#left(node, 'it left discovery'));
    }
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.#onResult(error));
  }

  #onResult(failure: unknown): void {
    const reason = failure === undefined ? undefined : reasonOf(failure);
    if (reason !== undefined && reason !== this.#failure)
      this.#deps.logger.warn({ reason }, 'what nodes hold cannot be noted; after a restart it would be unknown');
    this.#failure = reason;
  }
}
