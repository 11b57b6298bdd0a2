import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { EngineClient } from '../engine/client.ts';
import type { EngineInfo, SiteInfo } from '../engine/types.ts';
import type { DomainTable } from '../scheduler/domain-table.ts';
import type { LoadTable } from '../scheduler/load-table.ts';
import { ResourceLedger } from '../scheduler/reservation.ts';
import type { Availability, NodeBuiltins, NodeView, Protocol } from '../scheduler/types.ts';
import type { EndpointPorts } from './endpoint-ports.ts';
import type { ListedContainer } from './listed-container.ts';
import { type HiddenCopy, NodeHoldings, type StateCounts } from './node-holdings.ts';
import { identityFrom, type NodeIdentity, unknownIdentity } from './node-identity.ts';
import { RefreshedNode } from './node-refresher.ts';
import type { NodeChoices } from './node-settings.ts';

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
export class Node extends RefreshedNode implements NodeView {
  /** The discovery entry as text; unique in the cluster. */
  readonly entry: string;
  readonly client: EngineClient;
  /** What clients reach published ports under. */
  readonly address: string;
  readonly ledger: ResourceLedger = new ResourceLedger(() => this.#noteLoad());
  readonly #holdings = new NodeHoldings<ListedContainer<Node>>(() => this.#noteLoad());
  #rows: Rows | undefined;
  readonly #labelAtSite: string;
  #isRefused = false;
  #state: NodeState = 'Pending';
  #reason = 'not reached yet';
  #identity: NodeIdentity;
  #info: EngineInfo | undefined;
  #choices: NodeChoices | undefined;
  #factsJson: string | undefined;
  #price: number | undefined;
  #version = 0;
  #updatedAtMs = 0;
  #warnings: readonly string[] = [];
  #addresses: ReadonlySet<string> = new Set();
  #clockOffsetMs = 0;
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
    super();
    this.#labelAtSite = attemptLabel;
    this.entry = entry;
    this.client = client;
    this.address = address;
    this.#identity = unknownIdentity(entry);
  }

  /** The engine's ID; `entry:…` until it was reached for the first time. */
  get id(): string {
    return this.#identity.id;
  }

  /** The engine's name; the entry until it was reached for the first time. */
  get name(): string {
    return this.#identity.name;
  }

  /** The engine's own labels and those that an operator gave the node, which count before them. */
  get labels(): ReadonlyMap<string, string> {
    return this.#identity.labels;
  }

  get builtins(): NodeBuiltins {
    return this.#identity.builtins;
  }

  get slots(): number | undefined {
    return this.#identity.slots;
  }

  /** The engine's last `GET /info`; undefined until it was reached. */
  get info(): EngineInfo | undefined {
    return this.#info;
  }

  /** What it says of its cluster, if it is the manager of one (a site) and no engine; undefined for one that was refused as a node. */
  get site(): SiteInfo | undefined {
    return this.#isRefused ? undefined : (this.#info?.Enxame ?? undefined);
  }

  /** Whether it is a cluster with a manager of its own, and no engine. */
  get isSite(): boolean {
    return this.#info?.Enxame != null;
  }

  /** The label by which it knows for which record a container was made. */
  get attemptLabel(): string {
    return this.isSite ? this.#labelAtSite : ATTEMPT_LABEL;
  }

  /** Who it is and what it has, as JSON in classic swarm's words (`Node` of an inspected container). */
  get factsJson(): string {
    this.#factsJson ??= JSON.stringify({
      ID: this.id,
      IP: this.address,
      Addr: this.entry,
      Name: this.name,
      Cpus: this.totalNanoCpus / 1e9,
      Memory: this.totalMemoryBytes,
      Labels: this.describedLabels,
    });
    return this.#factsJson;
  }

  /** Its labels and what its engine reports of its host, as classic swarm showed them. */
  get describedLabels(): Readonly<Record<string, string>> {
    const { storagedriver, kernelversion, operatingsystem, ostype } = this.builtins;
    const facts = this.#info ? { kernelversion, operatingsystem, ostype, storagedriver } : {};
    return { ...facts, ...Object.fromEntries(this.labels) };
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

  /** What an operator said. */
  get availability(): Availability {
    return this.#choices?.availability ?? 'active';
  }

  get totalMemoryBytes(): number {
    return this.#info?.MemTotal ?? 0;
  }

  get totalNanoCpus(): number {
    return (this.#info?.NCPU ?? 0) * 1e9;
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

  /** Engine's clock minus ours in milliseconds. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
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

  /** `choices` is what an operator said of this engine. */
  setInfo(info: EngineInfo, id: string, clockOffsetMs: number, choices?: NodeChoices): void {
    this.#info = info;
    this.#isRefused = false;
    this.#choices = choices;
    this.#clockOffsetMs = clockOffsetMs;
    this.#identity = identityFrom(info, id, choices?.labels);
    this.#factsJson = undefined;
    this.#noteLoad();
    this.#noteDomains();
    this.touch();
  }

  /** Takes what an operator says of it now; nothing before it was reached or remembered. */
  setChoices(choices: NodeChoices | undefined): void {
    if (this.#info) this.setInfo(this.#info, this.id, this.#clockOffsetMs, choices);
  }

  /** It is a site that must not be a node any more, until it is taken in again. */
  refuseSite(): void {
    this.#isRefused = true;
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

  #noteLoad(): void {
    this.#rows?.loads.set(this.#rows.row, this);
  }

  #noteDomains(): void {
    this.#rows?.domains.set(this.#rows.row, this.labels);
  }
}
