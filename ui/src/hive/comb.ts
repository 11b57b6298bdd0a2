import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import { kinOf } from '../model/kin.ts';
import { cellRadius, cellSpot, cellsIn, ringsFor, type Spot } from './grid.ts';
import { sizeOf } from './size.ts';

/** How a node stands, in one word; `drill` and `lost` before what its engine says. */
export type Standing = 'healthy' | 'pending' | 'unhealthy' | 'lost' | 'drill' | 'drain' | 'pause';

export function standingOf(node: NodeRow): Standing {
  if (node.drill) return 'drill';
  if (node.lost) return 'lost';
  if (node.state === 'Pending') return 'pending';
  if (node.state !== 'Healthy') return 'unhealthy';
  return node.availability === 'active' ? 'healthy' : node.availability;
}

/** One container in a comb, with what its drawing needs again and again. */
export interface Cell {
  readonly slot: number;
  readonly row: ContainerRow;
  readonly kin: string;
  /** Part of its place that it fills. */
  readonly size: number;
}

/** The cells of one node: a container keeps its cell until it goes, a new one takes the first that is free. */
export class Comb {
  node: NodeRow;
  readonly cells: Map<string, Cell> = new Map();
  /** Its middle. */
  spot: Spot = { x: 0, y: 0 };
  rings: number;
  readonly #free: number[] = [];
  #next = 0;

  constructor(node: NodeRow, rows: readonly ContainerRow[], leastRings: number) {
    this.node = node;
    this.rings = Math.max(leastRings, ringsFor(rows.length));
    const sorted = rows.map((row) => ({ row, kin: kinOf(row) }));
    sorted.sort((a, b) => compareKeys(a.kin, b.kin) || compareKeys(a.row.name, b.row.name));
    for (const { row } of sorted) this.put(row);
  }

  /** Adds a container, or shows it as it is now. */
  put(row: ContainerRow): void {
    const slot = this.cells.get(row.id)?.slot ?? (this.#free.length > 0 ? this.#takeFree() : this.#next++);
    this.cells.set(row.id, { slot, row, kin: kinOf(row), size: sizeOf(row) });
    if (slot >= cellsIn(this.rings)) this.rings = ringsFor(slot + 1);
  }

  remove(id: string): void {
    const cell = this.cells.get(id);
    if (!cell) return;
    this.cells.delete(id);
    this.#free.push(cell.slot);
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
    for (const [id, { slot }] of this.cells) {
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
