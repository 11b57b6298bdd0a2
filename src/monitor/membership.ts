import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import type { NodeMemory } from '../cluster/node-memory.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { DiscoveryBackend } from '../discovery/discovery.ts';
import { type Entry, parseEntry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { descriptorWarning } from './descriptors.ts';
import { type MonitorContext, type MonitorTimes, NodeMonitor } from './node-monitor.ts';

/** Engines being connected at once; a hung one holds its place for some seconds only. */
const CONNECTING_AT_ONCE = 256;

/** What {@link Membership} stands on. */
export interface MembershipOptions {
  readonly cluster: Cluster;
  readonly backend: DiscoveryBackend;
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly times: MonitorTimes;
  /** What is remembered of nodes; undefined when nothing is kept. */
  readonly memory?: NodeMemory | undefined;
}

/** How long the first answers wait for nodes that were not tried yet, in milliseconds. */
const SETTLE_MS = 5_000;

interface Member {
  readonly node: Node;
  readonly monitor: NodeMonitor;
}

/** Keeps the cluster's nodes equal to what discovery says: one monitor for each entry, none for those that left. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #context: MonitorContext;
  readonly #members = new Map<string, Member>();
  readonly #stop = new AbortController();
  #following: Promise<void> | undefined;
  #problem: string | undefined;
  /** Whether discovery has answered. */
  #isTold = false;
  #mostEntries = 0;
  #isSettled = false;
  readonly #settled: Promise<void>;
  #settle: () => void = () => undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#settled = new Promise((resolve) => {
      this.#settle = resolve;
    });
    const { cluster, clock, logger, times } = options;
    this.#context = { cluster, clock, logger, times, connecting: pLimit(CONNECTING_AT_ONCE) };
  }

  /** Why discovery does not answer at present, for `docker info`; the last known entries stay in use. */
  get problem(): string | undefined {
    return this.#problem;
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

  /** Stops following discovery and every monitor. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the membership was closed'));
    this.#settle();
    await this.#options.backend.close();
    await this.#following;
    await Promise.all([...this.#members.values()].map(({ monitor }) => monitor.close()));
    this.#members.clear();
  }

  async #follow(): Promise<void> {
    for await (const event of this.#options.backend.watch(this.#stop.signal)) {
      if (this.#stop.signal.aborted) return;
      if (event.error) {
        this.#problem = event.error.message;
        this.#options.logger.warn(
          { reason: event.error.message },
          'discovery does not answer; the last known entries stay',
        );
        // Also those that were known to an earlier life of the manager.
        if (!this.#isTold && this.#members.size === 0) await this.#apply(rememberedEntries(this.#options.memory));
        if (this.#members.size > 0) this.#allTried();
      } else {
        this.#problem = undefined;
        await this.#apply(event.entries);
        if (!this.#isTold) await this.#options.memory?.settle().catch((error: unknown) => this.#cannotRecall(error));
        this.#isTold = true;
        this.#allTried();
      }
    }
  }

  /** The first answers wait until every node that is known now was tried. */
  #allTried(): void {
    const tried = [...this.#members.values()].map(({ monitor, node }) => monitor.tried.then(() => this.#restore(node)));
    void Promise.all(tried).then(() => this.#settle());
  }

  async #settleInTime(): Promise<void> {
    await Promise.race([this.#settled, this.#options.clock.sleep(SETTLE_MS, this.#stop.signal).catch(() => undefined)]);
    await Promise.all([...this.#members.values()].map(({ node }) => this.#restore(node)));
    this.#isSettled = true;
    this.#settle();
  }

  /** Shows what an engine held that was not reached. Never rejects. */
  async #restore(node: Node): Promise<void> {
    if (!this.#stop.signal.aborted)
      await this.#options.memory?.restore(node).catch((error: unknown) => this.#cannotRecall(error));
  }

  #cannotRecall(error: unknown): void {
    this.#options.logger.warn({ err: error }, 'what nodes held could not be read');
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
        this.#options.logger.error({ err: error, entry: canonical }, 'an entry cannot be used');
      });
    }
  }

  /** Said when there are more engines than ever, not with every change of discovery. */
  async #checkDescriptors(entries: number): Promise<void> {
    if (entries <= this.#mostEntries) return;
    this.#mostEntries = entries;
    const warning = await descriptorWarning(entries);
    if (warning !== undefined) this.#options.logger.warn(warning);
  }

  async #add(canonical: string, entry: Entry): Promise<void> {
    const connector = await this.#options.connect(entry);
    const { maxConnections } = connector;
    const client = new EngineClient(connector, maxConnections === undefined ? {} : { connections: maxConnections });
    const node = new Node(canonical, client, connector.host);
    const monitor = new NodeMonitor(node, this.#context);
    this.#members.set(canonical, { node, monitor });
    this.#options.cluster.addNode(node, this.#options.memory?.recall(canonical));
    monitor.start();
    if (this.#isSettled) void monitor.tried.then(() => this.#restore(node));
  }

  #remove(canonical: string): void {
    const member = this.#members.get(canonical);
    if (!member) return;
    this.#members.delete(canonical);
    this.#options.cluster.removeNode(member.node);
    member.monitor.close().catch((error: unknown) => {
      this.#options.logger.warn({ err: error, entry: canonical }, 'closing the connections of a node that left failed');
    });
  }
}

function rememberedEntries(memory: NodeMemory | undefined): readonly Entry[] {
  return (memory?.entries() ?? []).map(parseEntry);
}
