import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { RowSources } from './model-rows.ts';
import { containerRow, nodeRow } from './model-rows.ts';
import type { Delta, EventRow } from './protocol.ts';

/** Rows in one delta; a change of everything becomes several of them. */
const ROWS_PER_DELTA = 1_000;
/** Events in one delta; of more the latest are told, and all of them are kept to be asked for. */
const EVENTS_PER_DELTA = 200;

/** The parts of a delta that are told as a whole. */
export type WholeParts = Pick<Delta, 'moves' | 'failover' | 'problems' | 'use'>;

/** What changed since the last delta: each container and each node once, however often it changed. */
export class ModelChanges {
  readonly #sources: RowSources & { readonly find: (id: string) => Container | undefined };
  /** Undefined: it went. */
  #containers = new Map<string, Container | undefined>();
  #nodes = new Set<Node>();
  #goneNodes: number[] = [];
  #events: EventRow[] = [];
  /** Rows of nodes as they were told: most changes of containers change some number of their node, but not all. */
  #told = new WeakMap<Node, string>();

  constructor(sources: RowSources & { readonly find: (id: string) => Container | undefined }) {
    this.#sources = sources;
  }

  get areNone(): boolean {
    const { size } = this.#containers;
    return size === 0 && this.#nodes.size === 0 && this.#goneNodes.length === 0 && this.#events.length === 0;
  }

  /** Takes in a change of the model. */
  onModel(event: ClusterEvent): void {
    switch (event.kind) {
      case 'container-added':
        return this.#put(event.after);
      case 'container-changed':
        if (event.before.id !== event.after.id) this.#containers.set(event.before.id, undefined);
        if (event.before.node !== event.node) this.#nodes.add(event.before.node);
        return this.#put(event.after);
      case 'container-noted':
        return this.#put(event.container);
      case 'container-removed':
        this.#containers.set(event.before.id, undefined);
        this.#nodes.add(event.node);
        return;
      case 'node-added':
      case 'node-state':
      case 'node-settings':
        this.#nodes.add(event.node);
        return;
      case 'node-removed':
        this.#nodes.delete(event.node);
        this.#goneNodes.push(this.#sources.numbers.of(event.node));
        return;
      default:
        return;
    }
  }

  onEvent(row: EventRow): void {
    this.#events.push(row);
    if (this.#events.length > 2 * EVENTS_PER_DELTA) this.#events.splice(0, EVENTS_PER_DELTA);
  }

  /** A node may show something else that no event told. */
  look(node: Node): void {
    this.#nodes.add(node);
  }

  /** All nodes as JSON of their rows. What others were not told so far, they are told with the next delta. */
  nodeRows(nodes: readonly Node[]): readonly string[] {
    return nodes.map((node) => {
      const row = JSON.stringify(nodeRow(node, this.#sources));
      if (this.#told.get(node) !== row) this.#nodes.add(node);
      return row;
    });
  }

  /** Forgets what changed: nobody is told. */
  clear(): void {
    this.#containers = new Map();
    this.#nodes = new Set();
    this.#goneNodes = [];
    this.#events = [];
    this.#told = new WeakMap();
  }

  /** What changed as the JSON of deltas, and begins anew. None when nothing did that shows. */
  take(nowMs: number, whole: WholeParts): readonly string[] {
    const gone: string[] = [];
    const rows: string[] = [];
    for (const [id, changed] of this.#containers) {
      const container = changed ?? this.#sources.find(id);
      if (container) rows.push(JSON.stringify(containerRow(container, this.#sources)));
      else gone.push(JSON.stringify(id));
    }
    const nodes = this.#takeNodes();
    const first: readonly (string | undefined)[] = [
      list('goneNodes', this.#goneNodes.map(String)),
      list('gone', gone),
      list('nodes', nodes),
      list('containers', rows.slice(0, ROWS_PER_DELTA)),
      list(
        'events',
        this.#events.slice(-EVENTS_PER_DELTA).map((row) => JSON.stringify(row)),
      ),
      ...Object.entries(whole).map(([name, value]) =>
        value === undefined ? undefined : `"${name}":${JSON.stringify(value)}`,
      ),
    ];
    this.#containers = new Map();
    this.#goneNodes = [];
    this.#events = [];
    const deltas = first.some((part) => part !== undefined) ? [first] : [];
    for (let from = ROWS_PER_DELTA; from < rows.length; from += ROWS_PER_DELTA)
      deltas.push([list('containers', rows.slice(from, from + ROWS_PER_DELTA))]);
    return deltas.map((parts) => `{${[`"now":${nowMs}`, ...parts.filter((part) => part !== undefined)].join()}}`);
  }

  #takeNodes(): readonly string[] {
    const rows: string[] = [];
    for (const node of this.#nodes) {
      const row = JSON.stringify(nodeRow(node, this.#sources));
      if (this.#told.get(node) === row) continue;
      this.#told.set(node, row);
      rows.push(row);
    }
    this.#nodes = new Set();
    return rows;
  }

  #put(container: Container): void {
    this.#containers.set(container.id, container);
    this.#nodes.add(container.node);
  }
}

function list(name: string, items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : `"${name}":[${items.join()}]`;
}
