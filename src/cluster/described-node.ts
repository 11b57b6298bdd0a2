import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { EngineInfo, SiteInfo } from '../engine/types.ts';
import type { Availability, NodeBuiltins } from '../scheduler/types.ts';
import { identityFrom, type NodeIdentity, unknownIdentity } from './node-identity.ts';
import { RefreshedNode } from './node-refresher.ts';
import type { NodeChoices } from './node-settings.ts';

/** Who a node is: what its engine says of itself and its host, and what an operator says of it. */
export abstract class DescribedNode extends RefreshedNode {
  /** The discovery entry as text; unique in the cluster. */
  readonly entry: string;
  /** What clients reach published ports under. */
  readonly address: string;
  readonly #labelAtSite: string;
  #isRefused = false;
  #identity: NodeIdentity;
  #info: EngineInfo | undefined;
  #choices: NodeChoices | undefined;
  #factsJson: string | undefined;
  #clockOffsetMs = 0;

  /** @param labelAtSite the label that marks this cluster's containers at a site, see `site.ts` */
  constructor(entry: string, address: string, labelAtSite: string) {
    super();
    this.entry = entry;
    this.address = address;
    this.#labelAtSite = labelAtSite;
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

  /** Engine's clock minus ours in milliseconds. */
  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  // Written by the cluster and this node's monitor.

  /** `choices` is what an operator said of this engine. */
  setInfo(info: EngineInfo, id: string, clockOffsetMs: number, choices?: NodeChoices): void {
    this.#info = info;
    this.#isRefused = false;
    this.#choices = choices;
    this.#clockOffsetMs = clockOffsetMs;
    this.#identity = identityFrom(info, id, choices?.labels);
    this.#factsJson = undefined;
    this.describedAnew();
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

  /** Marks a change that `docker info` shows. */
  abstract touch(): void;

  /** Resources or labels may be others now. */
  protected abstract describedAnew(): void;
}
