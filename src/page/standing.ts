import type { DrilledNode } from '../availability/drills.ts';
import type { FailoverView } from '../availability/failover-view.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Sampler } from '../stats/sampler.ts';
import type { Usage } from '../stats/usage.ts';
import { clip } from './model-rows.ts';
import type { NodeNumbers } from './node-numbers.ts';
import type { FailoverRow, UseRow } from './protocol.ts';

/** What no event tells, and is looked at now and then while somebody watches. */
export interface StandingSources {
  readonly cluster: Cluster;
  readonly failover: { view(): FailoverView };
  readonly drills: { view(): readonly DrilledNode[] };
  /** Undefined when no samples are taken. */
  readonly stats: Sampler | undefined;
  /** What `docker info` warns of. */
  readonly problems: () => readonly string[];
}

/** How the cluster stands beside its nodes and containers, as it was seen last. */
export class Standing {
  failover: FailoverRow = { brake: null, lost: [], waiting: 0, drill: [] };
  problems: readonly string[] = [];
  readonly #sources: StandingSources;
  readonly #numbers: NodeNumbers;
  #lost: ReadonlySet<string> = new Set();
  #drilled: ReadonlySet<string> = new Set();
  readonly #used = new WeakMap<Node, Usage>();
  /** What of a node may change without an event, as it was seen last. */
  readonly #seen = new WeakMap<Node, readonly number[]>();

  constructor(sources: StandingSources, numbers: NodeNumbers) {
    this.#sources = sources;
    this.#numbers = numbers;
  }

  isLost(node: Node): boolean {
    return this.#lost.has(node.id);
  }

  isDrilled(node: Node): boolean {
    return this.#drilled.has(node.id);
  }

  /** Looks at the failover; returns whether it stands differently. */
  lookAtFailover(): boolean {
    const view = this.#sources.failover.view();
    const drilled = this.#sources.drills.view();
    this.#lost = new Set(view.lost.map(({ id }) => id));
    this.#drilled = new Set(drilled.map(({ id }) => id));
    const before = JSON.stringify(this.failover);
    this.failover = {
      brake: view.brake,
      lost: view.lost.flatMap(({ id }) => this.#numberOf(id) ?? []),
      waiting: view.waiting.length,
      drill: drilled.flatMap(({ id, until }) => {
        const n = this.#numberOf(id);
        return n === null ? [] : [{ n, until: until === null ? null : Date.parse(until) }];
      }),
    };
    return JSON.stringify(this.failover) !== before;
  }

  /** Looks at what a person should know; returns whether there is something else. */
  lookAtProblems(): boolean {
    const before = this.problems;
    this.problems = this.#sources.problems().slice(0, MOST_PROBLEMS).map(clip);
    return this.problems.length !== before.length || this.problems.some((text, at) => text !== before[at]);
  }

  /** Nodes of which something may have changed that no event tells: numbers are compared, nothing is rendered. */
  changedNodes(): readonly Node[] {
    return this.#sources.cluster.nodes.filter((node) => {
      const { lost, drill } = { lost: Number(this.isLost(node)), drill: Number(this.isDrilled(node)) };
      const now = [node.reservedNanoCpus, node.reservedMemoryBytes, node.warnings.length, lost, drill];
      const before = this.#seen.get(node);
      if (before?.every((value, at) => value === now[at])) return false;
      this.#seen.set(node, now);
      return true;
    });
  }

  /** Use that was measured since the last look. */
  freshUse(): readonly UseRow[] {
    return [...(this.#sources.stats?.nodes ?? [])].flatMap(({ node, usage }) => {
      if (!usage || this.#used.get(node) === usage) return [];
      this.#used.set(node, usage);
      return [this.#useRow(node, usage)];
    });
  }

  /** Use as it is known, of all nodes. */
  allUse(): readonly UseRow[] {
    return [...(this.#sources.stats?.nodes ?? [])].flatMap(({ node, usage }) =>
      usage ? [this.#useRow(node, usage)] : [],
    );
  }

  #useRow(node: Node, { cpus, memory, received, sent, read, written }: Usage): UseRow {
    const n = this.#numbers.of(node);
    const bytes = [memory, received, sent, read, written].map(Math.round) as [number, number, number, number, number];
    return [n, Math.round(cpus * 1_000) / 1_000, ...bytes];
  }

  #numberOf(id: string): number | null {
    const node = this.#sources.cluster.node(id);
    return node ? this.#numbers.of(node) : null;
  }
}

const MOST_PROBLEMS = 50;
