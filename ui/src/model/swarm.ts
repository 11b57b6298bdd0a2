import type {
  ContainerRow,
  Delta,
  EventRow,
  FailoverRow,
  Hello,
  MoveRow,
  NodeRow,
  Ready,
  UseRow,
} from '../../../src/page/protocol.ts';
import { isUnwell, kinOf } from './kin.ts';

/** How one container changed: it came without `before`, and went without `after`. */
export interface ContainerChange {
  readonly before?: ContainerRow;
  readonly after?: ContainerRow;
}

/** What changed since the last time; rows are those of now. */
export interface SwarmChange {
  /** Everything may be another: forget what was drawn. */
  readonly isWhole: boolean;
  readonly containers: readonly ContainerChange[];
  /** Numbers of nodes that came, went, or are shown differently. */
  readonly nodes: readonly number[];
  /** Nodes came, went, or are in another failure domain. */
  readonly isMapChanged: boolean;
}

const WHOLE: SwarmChange = { isWhole: true, containers: [], nodes: [], isMapChanged: true };
const NO_FAILOVER: FailoverRow = { brake: null, lost: [], waiting: 0, drill: [] };
/** Events that are kept; the manager has more. */
const MOST_EVENTS = 2_000;

/** The swarm as the manager tells it: written by the stream alone, read by all that draws. */
export class Swarm {
  readonly nodes: Map<number, NodeRow> = new Map();
  readonly containers: Map<string, ContainerRow> = new Map();
  readonly use: Map<number, UseRow> = new Map();
  /** How many containers there are of a kind; see {@link kinOf}. Counted as they come and go: there may be tens of thousands. */
  readonly kinds: Map<string, number> = new Map();
  /** How many containers should run well and do not. */
  unwell = 0;
  moves: readonly MoveRow[] = [];
  failover: FailoverRow = NO_FAILOVER;
  problems: readonly string[] = [];
  /** Oldest first. */
  events: readonly EventRow[] = [];
  hello: Hello | undefined;
  /** The nodes are there, and their containers may not be yet. */
  isSketched = false;
  /** The whole state is there. */
  isReady = false;
  /** Grows with every change. */
  version = 0;
  readonly #onNode = new Map<number, Set<string>>();
  readonly #ids = new Map<string, string>();
  readonly #listeners = new Set<(change: SwarmChange) => void>();
  /** The manager's clock minus ours. */
  #clockAhead = 0;

  /** The manager's clock, in milliseconds since the epoch. */
  get now(): number {
    return Date.now() + this.#clockAhead;
  }

  containersOn(n: number): ReadonlySet<string> {
    return this.#onNode.get(n) ?? NOTHING;
  }

  /** As for docker: the container with this ID, else this name, else those whose IDs begin so. */
  find(reference: string): readonly ContainerRow[] {
    const row = this.containers.get(reference) ?? this.containers.get(this.#ids.get(reference) ?? '');
    if (row || !/^[0-9a-f]+$/.test(reference)) return row ? [row] : [];
    return [...this.containers.values()].filter(({ id }) => id.startsWith(reference));
  }

  nodeById(id: string): NodeRow | undefined {
    for (const node of this.nodes.values()) if (node.id === id) return node;
    return undefined;
  }

  nodeByName(name: string): NodeRow | undefined {
    for (const node of this.nodes.values()) if (node.name === name) return node;
    return undefined;
  }

  /** Tells of every change, after it; returns what ends that. */
  follow(listener: (change: SwarmChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  takeHello(hello: Hello): void {
    this.#clockAhead = hello.now - Date.now();
    this.hello = hello;
    if (hello.resumed) return;
    this.isReady = false;
    this.isSketched = false;
    this.kinds.clear();
    this.unwell = 0;
    this.nodes.clear();
    this.containers.clear();
    this.#onNode.clear();
    this.#ids.clear();
    this.use.clear();
    this.events = [];
    this.moves = [];
    this.failover = NO_FAILOVER;
    this.problems = [];
  }

  /** The first part of the whole state, all nodes: enough to draw a map of them. It comes again when they changed meanwhile. */
  takeNodes(rows: readonly NodeRow[]): void {
    this.nodes.clear();
    for (const row of rows) this.nodes.set(row.n, row);
    this.isSketched = true;
    this.#tell(WHOLE);
  }

  /** A part of the whole state, before {@link takeReady}: nobody is told yet. */

  takeContainers(rows: readonly ContainerRow[]): void {
    for (const row of rows) this.#put(row);
  }

  takeReady({ moves, failover, problems, events, use }: Ready): void {
    Object.assign(this, { moves, failover, problems, isReady: true });
    this.events = events;
    for (const row of use) this.use.set(row[0], row);
    this.#tell(WHOLE);
  }

  takeDelta(delta: Delta): void {
    this.#clockAhead = delta.now - Date.now();
    const containers: ContainerChange[] = [];
    const nodes = new Set<number>();
    let isMapChanged = false;
    for (const id of delta.gone ?? []) {
      const before = this.#remove(id);
      if (before) containers.push({ before });
    }
    for (const n of delta.goneNodes ?? []) {
      isMapChanged = this.nodes.delete(n) || isMapChanged;
      this.use.delete(n);
      nodes.add(n);
    }
    for (const row of delta.nodes ?? []) {
      const before = this.nodes.get(row.n);
      isMapChanged ||= before?.name !== row.name || String(before.domains) !== String(row.domains);
      this.nodes.set(row.n, row);
      nodes.add(row.n);
    }
    for (const after of delta.containers ?? []) {
      const before = this.#remove(after.id);
      this.#put(after);
      containers.push(before ? { before, after } : { after });
    }
    for (const row of delta.use ?? []) {
      this.use.set(row[0], row);
      nodes.add(row[0]);
    }
    if (delta.moves) this.moves = delta.moves;
    if (delta.failover) this.failover = delta.failover;
    if (delta.problems) this.problems = delta.problems;
    if (delta.events) this.events = [...this.events, ...delta.events].slice(-MOST_EVENTS);
    this.#tell({ isWhole: false, containers, nodes: [...nodes], isMapChanged });
  }

  #put(row: ContainerRow): void {
    this.containers.set(row.id, row);
    this.#count(row, 1);
    this.#ids.set(row.name, row.id);
    const there = this.#onNode.get(row.n);
    if (there) there.add(row.id);
    else this.#onNode.set(row.n, new Set([row.id]));
  }

  #remove(id: string): ContainerRow | undefined {
    const row = this.containers.get(id);
    if (!row) return undefined;
    this.containers.delete(id);
    this.#count(row, -1);
    if (this.#ids.get(row.name) === id) this.#ids.delete(row.name);
    const there = this.#onNode.get(row.n);
    there?.delete(id);
    if (there?.size === 0) this.#onNode.delete(row.n);
    return row;
  }

  #count(row: ContainerRow, by: 1 | -1): void {
    if (isUnwell(row)) this.unwell += by;
    const kind = kinOf(row);
    const count = (this.kinds.get(kind) ?? 0) + by;
    if (count > 0) this.kinds.set(kind, count);
    else this.kinds.delete(kind);
  }

  #tell(change: SwarmChange): void {
    this.version += 1;
    for (const listener of this.#listeners) listener(change);
  }
}

const NOTHING: ReadonlySet<string> = new Set();
