import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { EngineClient } from '../engine/client.ts';
import type { DomainTable } from '../scheduler/domain-table.ts';
import type { LoadTable } from '../scheduler/load-table.ts';
import { ResourceLedger } from '../scheduler/reservation.ts';
import type { NodeView, Protocol } from '../scheduler/types.ts';
import { DescribedNode } from './described-node.ts';
import type { EndpointPorts } from './endpoint-ports.ts';
import type { ListedContainer } from './listed-container.ts';
import { type HiddenCopy, NodeHoldings, type StateCounts } from './node-holdings.ts';

/** Pending: never reached yet. Unhealthy: was reached, is not now. Disconnected: left discovery. */
export type NodeState = 'Pending' | 'Healthy' | 'Unhealthy' | 'Disconnected';

/** Where what the scheduler compares nodes by is kept beside that of the others. */
interface Rows {
  readonly loads: LoadTable;
  readonly domains: DomainTable;
  readonly row: number;
}

/**
 * One engine in the cluster: who it is, how it is, what it holds. Only the cluster and its monitors write it
 * (the members under "written by"); others read.
 */
export class Node extends DescribedNode implements NodeView {
  readonly client: EngineClient;
  readonly ledger: ResourceLedger = new ResourceLedger(() => this.#noteLoad());
  readonly #holdings = new NodeHoldings<ListedContainer<Node>>(() => this.#noteLoad());
  #rows: Rows | undefined;
  #state: NodeState = 'Pending';
  #reason = 'not reached yet';
  #price: number | undefined;
  #version = 0;
  #updatedAtMs = 0;
  #warnings: readonly string[] = [];
  #addresses: ReadonlySet<string> = new Set();
  /** Why its containers that should run do not, by engine ID. */
  readonly #waiting = new Map<string, string>();
  readonly #owedStops = new Set<string>();
  readonly #endpointPorts = new Map<string, EndpointPorts>();

  /** @param attemptLabel the one that marks this cluster's containers at a site, see `site.ts` */
  constructor(
    entry: string,
    client: EngineClient,
    address: string,
    { attemptLabel = ATTEMPT_LABEL }: { readonly attemptLabel?: string } = {},
  ) {
    super(entry, address, attemptLabel);
    this.client = client;
  }

  /** Its place among the nodes of the cluster, counted from 0; undefined when it is not in it. */
  get row(): number | undefined {
    return this.#rows?.row;
  }

  get state(): NodeState {
    return this.#state;
  }

  /** Why it is not healthy; empty when it is. */
  get reason(): string {
    return this.#reason;
  }

  get isHealthy(): boolean {
    return this.#state === 'Healthy';
  }

  get reservedMemoryBytes(): number {
    return this.ledger.memoryBytes;
  }

  get reservedNanoCpus(): number {
    return this.ledger.nanoCpus;
  }

  /** Users' containers: what belongs to the swarm itself does not make a node look fuller. */
  get containerCount(): number {
    return this.ledger.count - this.#holdings.ofSwarm;
  }

  get price(): number | undefined {
    return this.#price;
  }

  /** Of a site nobody knows it here: it has many hosts, and its manager chooses among them. */
  usesPort(protocol: Protocol, ip: string, port: number): boolean {
    return !this.isSite && this.ledger.usesPort(protocol, ip, port);
  }

  /** Its containers by the engine's own container ID. */
  get containers(): ReadonlyMap<string, ListedContainer<Node>> {
    return this.#holdings.containers;
  }

  /** Copies of containers that are elsewhere, by the engine's own container ID: half made, or left behind. They hold what they reserve. */
  get hidden(): ReadonlyMap<string, HiddenCopy<ListedContainer<Node>>> {
    return this.#holdings.hidden;
  }

  /** A container on its engine, whether clients see it or not. */
  held(engineId: string): ListedContainer<Node> | undefined {
    return this.#holdings.containers.get(engineId) ?? this.#holdings.hidden.get(engineId)?.container;
  }

  get counts(): StateCounts {
    return this.#holdings.counts;
  }

  /** Grows with every change that `docker info` shows of this node, so that a reader may keep what it rendered. */
  get version(): number {
    return this.#version;
  }

  /** When its state was last confirmed by a listing, in milliseconds since the epoch; 0 = never. */
  get updatedAtMs(): number {
    return this.#updatedAtMs;
  }

  /** What an operator should know though the node is usable (a clock that is off, a duplicate name). */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /** Addresses its host is known to have, in canonical spelling; see `node-addresses.ts`. */
  get addresses(): ReadonlySet<string> {
    return this.#addresses;
  }

  /** Why a container of it does not run elsewhere while it is not healthy (`waits: …`, `stays: …`); undefined when nobody said. */
  waitingReason(engineId: string): string | undefined {
    return this.#state === 'Healthy' ? undefined : this.#waiting.get(engineId);
  }

  /** Whether a container of it was stopped while it is not healthy, and is to be stopped there when it is back. */
  isStopOwed(engineId: string): boolean {
    return this.#state !== 'Healthy' && this.#owedStops.has(engineId);
  }

  /** Where a container's ports are at the manager's own address; undefined when none is meant to be there. */
  endpointPorts(engineId: string): EndpointPorts | undefined {
    return this.#endpointPorts.get(engineId);
  }

  // Written by the cluster and this node's monitor.

  /** Keeps its load and its failure domains in these rows from now on; undefined ends that. */
  place(rows: Rows | undefined): void {
    this.#rows = rows;
    this.#noteLoad();
    this.#noteDomains();
  }

  /** Takes what it costs a month, in a unit that all nodes share; undefined when that is not known. Written by `cheapest/`. */
  setPrice(price: number | undefined): void {
    if (price === this.#price) return;
    this.#price = price;
    this.#noteLoad();
  }

  setState(state: NodeState, reason: string): void {
    this.#state = state;
    this.#reason = reason;
    this.touch();
  }

  setWaiting(engineId: string, text: string | undefined): void {
    if (text === undefined) this.#waiting.delete(engineId);
    else this.#waiting.set(engineId, text);
  }

  setStopOwed(engineId: string, isOwed: boolean): void {
    if (isOwed) this.#owedStops.add(engineId);
    else this.#owedStops.delete(engineId);
  }

  setEndpointPorts(engineId: string, ports: EndpointPorts | undefined): void {
    if (ports) this.#endpointPorts.set(engineId, ports);
    else this.#endpointPorts.delete(engineId);
  }

  setWarnings(warnings: readonly string[]): void {
    this.#warnings = warnings;
    this.touch();
  }

  setAddresses(addresses: ReadonlySet<string>): void {
    this.#addresses = addresses;
  }

  confirm(nowMs: number): void {
    this.#updatedAtMs = nowMs;
    this.touch();
  }

  putContainer(container: ListedContainer<Node>): void {
    this.#holdings.put(container);
    this.touch();
  }

  deleteContainer(container: ListedContainer<Node>): void {
    this.#holdings.delete(container);
    this.touch();
  }

  putHidden(copy: HiddenCopy<ListedContainer<Node>>): void {
    this.#holdings.hide(copy);
  }

  deleteHidden(engineId: string): void {
    this.#holdings.deleteHidden(engineId);
  }

  /** Marks a change that `docker info` shows. */
  touch(): void {
    this.#version += 1;
  }

  protected describedAnew(): void {
    this.#noteLoad();
    this.#noteDomains();
  }

  #noteLoad(): void {
    this.#rows?.loads.set(this.#rows.row, this);
  }

  #noteDomains(): void {
    this.#rows?.domains.set(this.#rows.row, this.labels);
  }
}
