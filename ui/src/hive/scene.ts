import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import type { Swarm, SwarmChange } from '../model/swarm.ts';
import { Comb, kinOf } from './comb.ts';
import { ringsFor, type Spot } from './grid.ts';
import { type Layout, Layouter } from './layout.ts';

/** Something that is shown for a moment. */
export type Happening =
  | {
      readonly kind: 'move';
      readonly row: ContainerRow;
      readonly from: Spot;
      readonly size: number;
      readonly to: string;
    }
  | { readonly kind: 'came' | 'changed'; readonly row: ContainerRow }
  | { readonly kind: 'went'; readonly row: ContainerRow; readonly at: Spot; readonly size: number };

/** What a change means for the map. */
export interface SceneChange {
  readonly isLayoutNew: boolean;
  readonly combs: ReadonlySet<number>;
  readonly happenings: readonly Happening[];
}

const EMPTY: Layout = { spots: new Map(), groups: [], bounds: { x: 0, y: 0, width: 1, height: 1 } };
/** Rings of a comb are chosen so that three quarters of all nodes need no more: cells of different nodes are equally large. */
const USUAL = 0.75;

/** The combs of all nodes and where they are. It follows the swarm change by change, and lays out anew only when nodes come or go. */
export class Scene {
  readonly combs: Map<number, Comb> = new Map();
  layout: Layout = EMPTY;
  /** How many containers there are of a kind; see {@link kinOf}. */
  readonly kinds: Map<string, number> = new Map();
  readonly #swarm: Swarm;
  readonly #layouter = new Layouter();
  #aspect = 1.5;

  constructor(swarm: Swarm) {
    this.#swarm = swarm;
    this.#begin();
  }

  get aspect(): number {
    return this.#aspect;
  }

  set aspect(aspect: number) {
    this.#aspect = aspect;
    this.#place();
  }

  row(id: string): ContainerRow | undefined {
    return this.#swarm.containers.get(id);
  }

  /** Where a container's cell is, and the cell's radius; undefined for one that is not on the map. */
  cellOf(id: string): { readonly comb: Comb; readonly spot: Spot; readonly radius: number } | undefined {
    const row = this.row(id);
    const comb = row && this.combs.get(row.n);
    const slot = comb?.cells.get(id);
    return comb && slot !== undefined ? { comb, spot: comb.place(slot), radius: comb.radius } : undefined;
  }

  take(change: SwarmChange): SceneChange {
    if (change.isWhole) {
      this.#begin();
      return { isLayoutNew: true, combs: new Set(), happenings: [] };
    }
    const combs = new Set<number>();
    for (const n of change.nodes) this.#takeNode(n, combs);
    const happenings = change.containers.flatMap((each) => this.#takeContainer(each, combs));
    if (change.isMapChanged) this.#place();
    return { isLayoutNew: change.isMapChanged, combs, happenings };
  }

  #begin(): void {
    const { nodes, containers } = this.#swarm;
    this.combs.clear();
    this.kinds.clear();
    const usual = this.#usualRings();
    for (const node of nodes.values()) {
      const rows = [...this.#swarm.containersOn(node.n)].flatMap((id) => containers.get(id) ?? []);
      this.combs.set(node.n, new Comb(node, rows, usual));
    }
    for (const row of containers.values()) this.#count(row, 1);
    this.#place();
  }

  #usualRings(): number {
    const counts = [...this.#swarm.nodes.keys()].map((n) => this.#swarm.containersOn(n).size).sort((a, b) => a - b);
    return ringsFor(Math.max(7, counts[Math.floor(counts.length * USUAL)] ?? 0));
  }

  #takeNode(n: number, combs: Set<number>): void {
    const node = this.#swarm.nodes.get(n);
    if (!node) {
      this.combs.delete(n);
      return;
    }
    const comb = this.combs.get(n);
    if (comb) comb.node = node;
    else this.combs.set(n, new Comb(node, [], this.#usualRings()));
    combs.add(n);
  }

  #takeContainer({ before, after }: SwarmChange['containers'][number], combs: Set<number>): Happening[] {
    const old = before && this.#placeOf(before);
    if (before) {
      combs.add(before.n);
      this.#count(before, -1);
      if (before.n !== after?.n) this.combs.get(before.n)?.remove(before.id);
    }
    if (after) {
      combs.add(after.n);
      this.#count(after, 1);
      this.#combOf(after)?.add(after.id);
    }
    if (before && after) {
      if (before.n !== after.n && old) {
        return [{ kind: 'move', row: after, from: old.spot, size: old.radius, to: after.id }];
      }
      return before.state !== after.state || before.health !== after.health ? [{ kind: 'changed', row: after }] : [];
    }
    if (after) return [{ kind: 'came', row: after }];
    return before && old ? [{ kind: 'went', row: before, at: old.spot, size: old.radius }] : [];
  }

  #placeOf({ n, id }: ContainerRow): { readonly spot: Spot; readonly radius: number } | undefined {
    const comb = this.combs.get(n);
    const slot = comb?.cells.get(id);
    return comb && slot !== undefined ? { spot: comb.place(slot), radius: comb.radius } : undefined;
  }

  #combOf({ n }: ContainerRow): Comb | undefined {
    return this.combs.get(n);
  }

  #count(row: ContainerRow, by: 1 | -1): void {
    const kind = kinOf(row);
    const count = (this.kinds.get(kind) ?? 0) + by;
    if (count > 0) this.kinds.set(kind, count);
    else this.kinds.delete(kind);
  }

  #place(): void {
    const nodes = [...this.combs.values()].map(({ node }) => ({
      id: String(node.n),
      name: node.name,
      domain: domainOf(node),
    }));
    this.layout = nodes.length === 0 ? EMPTY : this.#layouter.layout(nodes, this.#aspect);
    for (const [n, comb] of this.combs) comb.spot = this.layout.spots.get(String(n)) ?? comb.spot;
  }
}

/** The failure domain of a node, the widest part first, without parts that it does not have. */
export function domainOf({ domains }: NodeRow): readonly string[] {
  return domains.filter((value): value is string => value !== null && value !== '');
}
