import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import type { Swarm, SwarmChange } from '../model/swarm.ts';
import { Comb } from './comb.ts';
import { ringsFor, type Spot } from './grid.ts';
import { type Group, type Layout, Layouter } from './layout.ts';
import type { Pick } from './pick.ts';
import type { Candidate } from './steps.ts';

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
  readonly #swarm: Swarm;
  readonly #layouter = new Layouter();
  #aspect: number;

  /** @param aspect how many times as wide as high the map is */
  constructor(swarm: Swarm, aspect: number) {
    this.#swarm = swarm;
    this.#aspect = aspect;
    this.#begin();
  }

  get aspect(): number {
    return this.#aspect;
  }

  set aspect(aspect: number) {
    if (aspect === this.#aspect) return;
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
    const cell = comb?.cells.get(id);
    return comb && cell ? { comb, spot: comb.place(cell.slot), radius: comb.radius } : undefined;
  }

  spotOf(pick: Pick | undefined): Spot | undefined {
    if (!pick) return undefined;
    return pick.kind === 'node' ? this.combs.get(pick.n)?.spot : this.cellOf(pick.id)?.spot;
  }

  /** Where one can go from a place: to the cells of the same comb, or to all combs. */
  steps(from: Pick | undefined): readonly Candidate[] {
    if (from?.kind === 'container') {
      const comb = this.cellOf(from.id)?.comb;
      return comb ? [...comb.cells].map(([id, { slot }]) => [{ kind: 'container', id }, comb.place(slot)]) : [];
    }
    return [...this.combs].map(([n, { spot }]) => [{ kind: 'node', n }, spot]);
  }

  /** What is at a place; a comb as a whole unless cells are asked for. */
  pickAt({ x, y }: Spot, hasCells: boolean): Pick | undefined {
    for (const [n, comb] of this.combs) {
      if (Math.hypot(comb.spot.x - x, comb.spot.y - y) > 1.05) continue;
      const id = hasCells ? comb.at(x, y) : undefined;
      return id === undefined ? { kind: 'node', n } : { kind: 'container', id };
    }
    return undefined;
  }

  /** The innermost domain at a place. */
  groupAt({ x, y }: Spot): Group | undefined {
    return this.layout.groups.findLast(
      (group) => x >= group.x && y >= group.y && x <= group.x + group.width && y <= group.y + group.height,
    );
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
    const usual = this.#usualRings();
    for (const node of nodes.values()) {
      const rows = [...this.#swarm.containersOn(node.n)].flatMap((id) => containers.get(id) ?? []);
      this.combs.set(node.n, new Comb(node, rows, usual));
    }
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
      if (before.n !== after?.n) this.combs.get(before.n)?.remove(before.id);
    }
    if (after) {
      combs.add(after.n);
      this.combs.get(after.n)?.put(after);
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
    const cell = comb?.cells.get(id);
    return comb && cell ? { spot: comb.place(cell.slot), radius: comb.radius } : undefined;
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
