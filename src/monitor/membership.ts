import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import type { NodeMemory } from '../cluster/node-memory.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import { type Entry, parseEntry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import type { Accounting } from './accounting.ts';
import { descriptorWarning } from './descriptors.ts';
import { NodeMonitor } from './node-monitor.ts';
import { gatesInTurn, type ReturnGate } from './return-gate.ts';
import { SeverableConnector } from './severable-connector.ts';
import type { MonitorTimes } from './times.ts';

/** Engines being connected at once; a hung one holds its place for some seconds only. */
const CONNECTING_AT_ONCE = 256;

export interface MembershipDeps {
  readonly cluster: Cluster;
  readonly accounting: Accounting;
  readonly backend: DiscoveryBackend;
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is remembered of nodes; undefined when nothing is kept. */
  readonly memory?: NodeMemory | undefined;
  /** This cluster's ID. */
  readonly ownId?: string | undefined;
  /** The label by which its containers are known at sites, see `cluster/site.ts`. */
  readonly attemptLabel?: string | undefined;
}

/** How long the first answers wait for nodes that were not tried yet, in milliseconds. */
const SETTLE_MS = 5_000;

interface Member {
  readonly node: Node;
  readonly connector: SeverableConnector;
  readonly monitor: NodeMonitor;
}

/** Keeps the cluster's nodes equal to what discovery says: one monitor for each entry, none for those that left. */
export class Membership {
  readonly #deps: MembershipDeps;
  readonly #times: MonitorTimes;
  readonly #connecting = pLimit(CONNECTING_AT_ONCE);
  readonly #members = new Map<string, Member>();
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #problem: string | undefined;
  /** Whether discovery has answered. */
  #isTold = false;
  #mostEntries = 0;
  #gate: ReturnGate | undefined;
  #isSettled = false;
  readonly #settled: Promise<void>;
  #settle: () => void = () => undefined;
  /**
   * Resolves when every node of the first discovery was tried once, whether its engine answered or not, and at the end of the membership: without
   * a bound in time, so never before that while discovery does not answer. A node that leaves untried is not waited for.
   */
  readonly tried: Promise<void>;
  #noteTried: () => void = () => undefined;

  constructor(deps: MembershipDeps, times: MonitorTimes) {
    this.#deps = deps;
    this.#times = times;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.tried = new Promise((resolve) => {
      this.#noteTried = resolve;
    });
  }

  /** Why discovery does not answer at present, for `docker info`; the last known entries stay in use. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Sets who has a word before engines count as healthy, one after the other; before the start. */
  guard(...gates: readonly ReturnGate[]): void {
    this.#gate = gatesInTurn(gates);
  }

  start(): void {
    if (this.#following) return;
    this.#following = this.#follow();
    void this.#settleInTime();
  }

  /**
   * Undefined once the nodes that discovery told first were tried, or some seconds have passed; until then a promise of it.
   * What is known of the nodes that were not reached is shown then.
   */
  get settling(): Promise<void> | undefined {
    return this.#isSettled ? undefined : this.#settled;
  }

  /** Takes a node for lost until {@link resume}: nobody reaches its engine, which is not told. Nothing happens to one that left. */
  suspend({ entry }: Node, reason: string): void {
    const member = this.#members.get(entry);
    member?.connector.sever(reason);
    member?.monitor.suspend(reason);
  }

  /** Follows a node again. */
  resume({ entry }: Node): void {
    const member = this.#members.get(entry);
    member?.connector.mend();
    member?.monitor.resume();
  }

  /** Stops following discovery and every monitor. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the membership was closed'));
    this.#settle();
    this.#noteTried();
    await this.#deps.backend.close();
    await this.#following;
    await Promise.all([...this.#members.values()].map(({ monitor }) => monitor.close()));
    this.#members.clear();
  }

  async #follow(): Promise<void> {
    for await (const event of this.#deps.backend.watch(this.#stop.signal)) {
      if (this.#stop.signal.aborted) return;
      if (event.error) {
        this.#problem = event.error.message;
        this.#deps.logger.warn(
          { reason: event.error.message },
          'discovery does not answer; the last known entries stay',
        );
        // Also those that were known to an earlier life of the manager.
        if (!this.#isTold && this.#members.size === 0) await this.#apply(rememberedEntries(this.#deps.memory));
        if (this.#members.size > 0) this.#allTried();
      } else {
        this.#problem = undefined;
        await this.#apply(event.entries);
        if (!this.#isTold) await this.#deps.memory?.settle().catch((error: unknown) => this.#cannotRecall(error));
        this.#isTold = true;
        this.#allTried();
      }
    }
  }

  /** The first answers wait until every node that is known now was tried. */
  #allTried(): void {
    const tried = [...this.#members.values()].map(({ monitor, node }) => monitor.tried.then(() => this.#restore(node)));
    void Promise.all(tried).then(() => {
      this.#settle();
      this.#noteTried();
    });
  }

  async #settleInTime(): Promise<void> {
    await Promise.race([this.#settled, this.#deps.clock.sleep(SETTLE_MS, this.#stop.signal).catch(() => undefined)]);
    await Promise.all([...this.#members.values()].map(({ node }) => this.#restore(node)));
    this.#isSettled = true;
    this.#settle();
  }

  /** Shows what an engine held that was not reached. Never rejects. */
  async #restore(node: Node): Promise<void> {
    if (!this.#stop.signal.aborted)
      await this.#deps.memory?.restore(node).catch((error: unknown) => this.#cannotRecall(error));
  }

  #cannotRecall(error: unknown): void {
    this.#deps.logger.warn({ err: error }, 'cannot read what nodes held before');
  }

  async #apply(entries: readonly Entry[]): Promise<void> {
    await this.#checkDescriptors(entries.length);
    const wanted = new Map(entries.map((entry) => [entry.canonical, entry] as const));
    const gone = [...this.#members.keys()].filter((canonical) => !wanted.has(canonical));
    for (const canonical of gone) this.#remove(canonical);
    for (const [canonical, entry] of wanted) {
      if (this.#members.has(canonical)) continue;
      // One entry that cannot be used must not keep the others out.
      await this.#add(canonical, entry).catch((error: unknown) => {
        this.#deps.logger.error({ err: error, entry: canonical }, 'unusable discovery entry');
      });
    }
  }

  /** Warns when there are more engines than ever, not with every change of discovery. */
  async #checkDescriptors(entries: number): Promise<void> {
    if (entries <= this.#mostEntries) return;
    this.#mostEntries = entries;
    const warning = await descriptorWarning(entries);
    if (warning !== undefined) this.#deps.logger.warn(warning);
  }

  async #add(canonical: string, entry: Entry): Promise<void> {
    const connector = new SeverableConnector(await this.#deps.connect(entry));
    const { maxConnections } = connector;
    const client = new EngineClient(connector, maxConnections === undefined ? {} : { connections: maxConnections });
    const { attemptLabel } = this.#deps;
    const node = new Node(canonical, client, connector.host, attemptLabel === undefined ? {} : { attemptLabel });
    const deps = { ...this.#deps, connecting: this.#connecting, gate: this.#gate };
    const monitor = new NodeMonitor(node, deps, this.#times);
    this.#members.set(canonical, { node, connector, monitor });
    this.#deps.cluster.addNode(node, this.#deps.memory?.recall(canonical));
    monitor.start();
    if (this.#isSettled) void monitor.tried.then(() => this.#restore(node));
  }

  #remove(canonical: string): void {
    const member = this.#members.get(canonical);
    if (!member) return;
    this.#members.delete(canonical);
    this.#deps.cluster.removeNode(member.node);
    member.monitor.close().catch((error: unknown) => {
      this.#deps.logger.warn({ err: error, entry: canonical }, 'closing the connections of a node that left failed');
    });
  }
}

function rememberedEntries(memory: NodeMemory | undefined): readonly Entry[] {
  return (memory?.seen.entries() ?? []).map(parseEntry);
}
