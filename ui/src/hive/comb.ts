import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import { cellRadius, cellSpot, cellsIn, ringsFor, type Spot } from './grid.ts';

/** How a node stands, in one word; `drill` and `lost` before what its engine says. */
export type Standing = 'healthy' | 'pending' | 'unhealthy' | 'lost' | 'drill' | 'drain' | 'pause';

export function standingOf(node: NodeRow): Standing {
  if (node.drill) return 'drill';
  if (node.lost) return 'lost';
  if (node.state === 'Pending') return 'pending';
  if (node.state !== 'Healthy') return 'unhealthy';
  return node.availability === 'active' ? 'healthy' : node.availability;
}

/** What a container belongs to, by which it has its colour: its service, else its group, else its image. */
export function kinOf({ service, project, group, image }: ContainerRow): string {
  if (service) return project ? `${project}/${service}` : service;
  return group ?? project ?? image.replace(/@sha256:.*$/, '');
}

/** The cells of one node: a container keeps its cell until it goes, a new one takes the first that is free. */
export class Comb {
  node: NodeRow;
  readonly cells: Map<string, number> = new Map();
  /** Its middle. */
  spot: Spot = { x: 0, y: 0 };
  rings: number;
  readonly #free: number[] = [];
  #next = 0;

  constructor(node: NodeRow, rows: readonly ContainerRow[], leastRings: number) {
    this.node = node;
    this.rings = Math.max(leastRings, ringsFor(rows.length));
    const sorted = [...rows].sort((a, b) => compareKeys(kinOf(a), kinOf(b)) || compareKeys(a.name, b.name));
    for (const { id } of sorted) this.add(id);
  }

  add(id: string): void {
    if (this.cells.has(id)) return;
    const slot = this.#free.length > 0 ? this.#takeFree() : this.#next++;
    this.cells.set(id, slot);
    if (slot >= cellsIn(this.rings)) this.rings = ringsFor(slot + 1);
  }

  remove(id: string): void {
    const slot = this.cells.get(id);
    if (slot === undefined) return;
    this.cells.delete(id);
    this.#free.push(slot);
  }

  /** Circumradius of its cells, in world units. */
  get radius(): number {
    return cellRadius(this.rings);
  }

  /** Middle of a cell in world units. */
  place(slot: number): Spot {
    const { x, y } = cellSpot(slot);
    return { x: this.spot.x + x * this.radius, y: this.spot.y + y * this.radius };
  }

  /** The container whose cell is at a place in world units. */
  at(x: number, y: number): string | undefined {
    const reach = (this.radius * 0.95) ** 2;
    for (const [id, slot] of this.cells) {
      const place = this.place(slot);
      if ((place.x - x) ** 2 + (place.y - y) ** 2 < reach) return id;
    }
    return undefined;
  }

  #takeFree(): number {
    let least = 0;
    for (let at = 1; at < this.#free.length; at++) {
      if ((this.#free[at] ?? 0) < (this.#free[least] ?? 0)) least = at;
    }
    return this.#free.splice(least, 1)[0] ?? this.#next++;
  }
}

/** Faster than a collator, for thousands of rows. */
function compareKeys(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
