import type { Clock } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import type {
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  ImageSummary,
  NetworkSummary,
  VolumeSummary,
} from '../engine/types.ts';
import { DEFAULT_SPREAD_BY } from '../scheduler/spread-by.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import { leastOffsetMs } from './clock-offset.ts';
import type { ClusterDeps, ClusterOptions, Removed } from './cluster-deps.ts';
import { ClusterLookups } from './cluster-lookups.ts';
import type { Container } from './container.ts';
import { Containers } from './containers.ts';
import type { EndpointPorts } from './endpoint-ports.ts';
import { EngineMessages } from './engine-messages.ts';
import type { ClusterEvent } from './events.ts';
import type { CopyPlace, Identities } from './identities.ts';
import { MOVE_LABEL } from './moves.ts';
import { shownContainer } from './network-names.ts';
import type { Node, NodeState } from './node.ts';
import { nodeIdFor } from './node-id.ts';
import type { NodeWriter } from './node-writer.ts';
import { Nodes } from './nodes.ts';
import { beginPlacement, NameReservations, type PendingPlacement, withoutReservationsOf } from './placements.ts';
import { NO_READER, type ReservationReader } from './reservation-reader.ts';

/**
 * The cluster's state: one in-memory model, written by discovery and the nodes' monitors alone, read as it is (a
 * synchronous reader has a snapshot). It tells its changes, see `events.ts`. Its look-ups are in `ClusterLookups`.
 */
export class Cluster extends ClusterLookups implements NodeWriter {
  readonly accounting: ReservationReader;
  readonly names: NameReservations;
  /** What engines say, as clients see it. */
  readonly engineMessages: EngineMessages;
  #removed: Removed = { size: 0, has: () => false };
  protected readonly heldContainers: Containers;
  protected readonly members: Nodes;
  readonly #clock: Clock;
  readonly #events: Emitter<ClusterEvent>;
  #onUnfinishedMove: (container: Container) => void = () => undefined;

  constructor({ clock, logger, accounting = NO_READER, settings }: ClusterDeps, options: ClusterOptions = {}) {
    super();
    this.members = new Nodes((nodeId) => settings?.of(nodeId), options.spreadBy ?? DEFAULT_SPREAD_BY);
    settings?.follow((nodeId) => this.#choose(nodeId));
    this.#clock = clock;
    this.accounting = accounting;
    accounting.tell((container) => this.#note(container));
    this.heldContainers = new Containers({
      onUnknownReservation: (container) => accounting.learn(container),
      onChange: (before, after, why) => this.#tellContainer(before, after, why),
      shown: (summary) => shownContainer(summary, this.networkNames),
      onRefusedIdentity: (container) => {
        const { node, name, engineId, claimedId, labels } = container;
        if (labels[MOVE_LABEL]) return this.#onUnfinishedMove(container);
        logger.warn(
          { node: node.name, container: name, id: engineId, claims: claimedId },
          'a container claims an identity that no record gives it: it goes by its own ID',
        );
      },
    });
    this.engineMessages = new EngineMessages(this.heldContainers);
    this.names = new NameReservations(this.heldContainers);
    this.#events = new Emitter((error) => logger.error({ err: error }, 'a listener of cluster events failed'));
  }

  /** Calls `listener` for every event, synchronously and in order, until the returned function is called. */
  subscribe(listener: (event: ClusterEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** Records a placement on a node before anything is awaited; see {@link PendingPlacement}. */
  beginPlacement(node: Node, request: PlacementRequest, labels: Readonly<Record<string, string>>): PendingPlacement {
    return beginPlacement(this.heldContainers, node, request, labels);
  }

  /** Shows what a move made instead of `superseded`, in one step. */
  completeMove(move: string, superseded: readonly Container[]): void {
    this.heldContainers.completeMove(move, superseded, this.#clock.now());
  }

  /** Sets who is told of a container that a move made and that another one with its identity keeps from being shown as such. */
  set onUnfinishedMove(listener: (container: Container) => void) {
    this.#onUnfinishedMove = listener;
  }

  /** Makes a synchronous decision as if these containers held nothing on their nodes. */
  withoutReservationsOf<T>(containers: Iterable<Container>, decide: () => T): T {
    return withoutReservationsOf(containers, decide);
  }

  /** Says which containers, by the engine's ID, are not to be taken in though engines list them. */
  hide(removed: Removed): void {
    this.#removed = removed;
  }

  /** Says who containers are; to be called before there are nodes. What changes in that is told by {@link reconsider}. */
  identify(identities: Identities): void {
    this.heldContainers.identify(identities);
  }

  /**
   * Shows and hides copies as their record says now; see `Identities`. A copy that takes the place of another one, which must be listed
   * already, is told as the container's change, and `why` with it.
   */
  reconsider(places: readonly CopyPlace[], why?: string): void {
    const known = places.flatMap(({ nodeId, engineId }) => {
      const node = engineId === undefined ? undefined : this.members.holderOf(nodeId);
      return node && engineId !== undefined ? [{ node, engineId }] : [];
    });
    // What clients removed stays out of sight, also when its record is gone.
    const removed = known.filter(({ engineId }) => this.#removed.has(engineId));
    for (const { node, engineId } of removed) this.heldContainers.remove(node, engineId);
    const others = removed.length === 0 ? known : known.filter((each) => !removed.includes(each));
    if (others.length > 0) this.heldContainers.reconsider(others, this.#clock.now(), why);
  }

  // Written by discovery and the nodes' monitors.

  /** `known` is what is remembered of its engine. */
  addNode(node: Node, known?: { readonly id: string; readonly info: EngineInfo }): void {
    this.members.add(node, known);
    this.#events.emit({ kind: 'node-added', node });
  }

  removeNode(node: Node): void {
    this.setState(node, 'Disconnected', `it left discovery${holdingsText(node, this.volumes.of(node).length)}`);
    this.#forget(node);
    this.members.remove(node);
    this.#events.emit({ kind: 'node-removed', node });
  }

  /** Shows what a node held when it was last seen, until it is reached. */
  restoreHoldings(
    node: Node,
    held: { readonly containers: readonly ContainerSummary[]; readonly volumes: readonly VolumeSummary[] },
  ): void {
    this.heldContainers.restore(node, this.#kept(held.containers), this.#clock.now(), (container) =>
      this.accounting.postpone(container),
    );
    this.volumes.replace(node, held.volumes);
  }

  setState(node: Node, to: NodeState, reason: string): void {
    const from = node.state;
    if (from === to && node.reason === reason) return;
    node.setState(to, reason);
    if ((from === 'Healthy') !== (to === 'Healthy')) this.heldContainers.relist(node);
    if (from !== to) this.#events.emit({ kind: 'node-state', node, from, to, reason });
  }

  /** Shows why a container of a node that is not healthy does not run elsewhere (`waits: …`); undefined ends that. */
  setWaiting(node: Node, engineId: string, text: string | undefined): void {
    node.setWaiting(engineId, text);
    const container = node.containers.get(engineId);
    if (container) this.#note(container);
  }

  /** Shows that a container of a node that is not healthy was stopped, and is to be stopped there yet; or that no more. */
  setStopOwed(node: Node, engineId: string, isOwed: boolean): void {
    node.setStopOwed(engineId, isOwed);
    const container = node.containers.get(engineId);
    if (container) this.heldContainers.list.invalidate(container);
  }

  /** Shows where a container's ports are at the manager's own address. Written by `publish/`. */
  setEndpointPorts(node: Node, engineId: string, ports: EndpointPorts | undefined): void {
    node.setEndpointPorts(engineId, ports);
    const container = node.containers.get(engineId);
    if (container) this.#note(container);
  }

  setInfo(node: Node, info: EngineInfo, askedMs: number = this.#clock.now()): void {
    const holder = this.members.holderOf(info.ID);
    const id = nodeIdFor(node, info, holder);
    if (holder && holder !== node && id === info.ID) this.#forget(holder);
    if (node.id !== id) {
      this.#forget(node);
      this.members.release(node);
    }
    const offsetMs = leastOffsetMs(Date.parse(info.SystemTime ?? ''), askedMs, this.#clock.now());
    const { name } = node;
    this.members.setInfo(node, info, id, offsetMs);
    if (node.name !== name) this.heldContainers.relist(node);
  }

  confirmContainers(node: Node): void {
    node.confirm(this.#clock.now());
  }

  replaceContainers(node: Node, summaries: readonly ContainerSummary[]): void {
    this.heldContainers.replaceAll(node, this.#kept(summaries), this.#clock.now());
    this.confirmContainers(node);
  }

  updateContainers(node: Node, engineIds: readonly string[], summaries: readonly ContainerSummary[]): void {
    this.heldContainers.update(node, engineIds, this.#kept(summaries), this.#clock.now());
  }

  removeContainer(node: Node, engineId: string): void {
    this.heldContainers.remove(node, engineId);
  }

  forgetReservation(node: Node, engineId: string): void {
    const container = node.held(engineId);
    if (container) this.accounting.learn(container);
  }

  learnAgain(node: Node): void {
    this.accounting.learnAgain(node);
  }

  replaceImages(node: Node, summaries: readonly ImageSummary[]): void {
    this.images.replace(node, summaries);
    node.touch();
  }

  replaceNetworks(node: Node, summaries: readonly NetworkSummary[]): void {
    const { version } = this.networks;
    this.networks.replace(node, summaries);
    this.learnNetworkNames(summaries);
    if (this.networks.version !== version) this.#events.emit({ kind: 'networks-changed', node });
  }

  /** Networks were listed: containers that showed one under a name that only engines know are listed again. */
  learnNetworkNames(networks: readonly NetworkSummary[]): void {
    for (const network of networks) {
      if (!this.networkNames.learn(network)) continue;
      for (const container of this.heldContainers.list) {
        // Not awaited: a node that does not answer is listed when it is back.
        if (container.mentions(network.Name))
          container.node.refreshContainers([container.engineId]).catch(() => undefined);
      }
    }
  }

  replaceVolumes(node: Node, summaries: readonly VolumeSummary[]): void {
    const { version } = this.volumes;
    this.volumes.replace(node, summaries);
    if (this.volumes.version !== version) this.#events.emit({ kind: 'volumes-changed', node });
  }

  emitEngineEvent(node: Node, event: EngineEvent, text: string, id?: string): void {
    if (this.moves.isQuiet(node, event)) return;
    const shown = this.engineMessages.shown(node, event, text, { id });
    if (shown) this.#events.emit({ kind: 'engine-event', node, ...shown });
  }

  #choose(nodeId: string): void {
    this.members.choose(nodeId);
    const node = this.members.holderOf(nodeId);
    if (node) this.#events.emit({ kind: 'node-settings', node });
  }

  /** Tells that a container shows something else although its engine lists it as before. */
  #note({ node, engineId }: Container): void {
    const container = node.containers.get(engineId);
    if (!container) return;
    this.heldContainers.list.invalidate(container);
    this.#events.emit({ kind: 'container-noted', node, container });
  }

  #tellContainer(before: Container | undefined, after: Container | undefined, why: string | undefined): void {
    if (after && why !== undefined) this.engineMessages.hasTakenOver(after.engineId, this.#clock.now());
    if (after && before)
      this.#events.emit({
        kind: 'container-changed',
        node: after.node,
        before,
        after,
        ...(why !== undefined && { why }),
      });
    else if (after) this.#events.emit({ kind: 'container-added', node: after.node, after });
    else if (before) this.#events.emit({ kind: 'container-removed', node: before.node, before });
  }

  /** Without those that were removed for clients already. */
  #kept(summaries: readonly ContainerSummary[]): readonly ContainerSummary[] {
    return this.#removed.size === 0 ? summaries : summaries.filter(({ Id }) => !this.#removed.has(Id));
  }

  #forget(node: Node): void {
    this.#events.emit({ kind: 'holdings-leaving', node });
    this.heldContainers.removeAll(node);
    this.accounting.forget(node);
    this.images.remove(node);
    this.networks.remove(node);
    this.volumes.remove(node);
  }
}

function holdingsText({ containerCount }: Node, volumes: number): string {
  return containerCount + volumes === 0 ? '' : ` with ${containerCount} containers and ${volumes} volumes on it`;
}
