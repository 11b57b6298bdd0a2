import { GroupDomains, groupsIn } from './group-domains.ts';
import { Packing } from './packing.ts';
import { costOf, type Problem, type ProblemItem, type Solution } from './problem.ts';
import { RoomTree } from './room-tree.ts';
import { areSpread, haveSpare, haveWishes, wishesAtFirst } from './rules.ts';
import { weightsOf } from './weights.ts';

/** One whole answer, changed step by step: each step is undone when it breaks a rule. */
export class Layout {
  readonly problem: Problem;
  readonly #packing: Packing;
  readonly #groups: GroupDomains;
  readonly #placement: Int32Array;
  readonly #open: Uint8Array;
  readonly #itemsOn: readonly Set<number>[];
  readonly #weights: readonly number[];
  readonly #atFirst: readonly (readonly boolean[])[];
  /** Nodes in the order in which they are asked. */
  readonly #order: readonly number[];
  /** By node: its place in the order. */
  readonly #placeOf: Int32Array;
  readonly #room: RoomTree;
  #looks = 0;
  /** By item: its turn when several are placed. */
  readonly #ranks: Int32Array;

  private constructor(
    problem: Problem,
    open: Uint8Array,
    order: readonly number[],
    weights: readonly number[],
    ranks: Int32Array,
  ) {
    this.problem = problem;
    this.#packing = new Packing(problem);
    this.#groups = new GroupDomains(problem, groupsIn(problem));
    this.#placement = new Int32Array(problem.items.length).fill(-1);
    this.#open = open;
    this.#itemsOn = problem.nodes.map(() => new Set());
    this.#weights = weights;
    this.#order = order;
    this.#ranks = ranks;
    this.#placeOf = new Int32Array(problem.nodes.length);
    for (const [place, row] of order.entries()) this.#placeOf[row] = place;
    this.#room = new RoomTree(order.length, problem.nodes[0]?.capacities.length ?? 0);
    for (const row of order) this.#noteRoom(row);
    const whole = new Packing(problem);
    for (const [at, { node }] of problem.items.entries()) whole.add(at, node);
    this.#atFirst = wishesAtFirst(problem, whole);
  }

  /** Everything where it is. */
  static atFirst(problem: Problem): Layout {
    const { nodes, items } = problem;
    const weights = weightsOf(problem);
    const load = new Float64Array(nodes.length);
    for (const [at, { node }] of items.entries()) load[node] = (load[node] ?? 0) + (weights[at] ?? 0);
    const worth = (row: number): number => (load[row] ?? 0) / Math.max(1, nodes[row]?.costMicros ?? 0);
    const order = [...nodes.keys()].sort(
      (a, b) => Number(nodes[b]?.mustStay) - Number(nodes[a]?.mustStay) || worth(b) - worth(a) || a - b,
    );
    const open = Uint8Array.from(nodes, ({ isNew }) => (isNew ? 0 : 1));
    const layout = new Layout(problem, open, order, weights, ranksOf(problem, weights));
    for (const [at, { node }] of items.entries()) layout.#put(at, node);
    return layout;
  }

  /**
   * What is on one of these nodes stays, the rest goes to them. When that does not fit, all is placed anew. Undefined when that does not
   * fit either.
   */
  static within(
    problem: Problem,
    open: Uint8Array,
    order: readonly number[],
    weights: readonly number[],
    ranks: Int32Array,
  ): Layout | undefined {
    if (!areSpread(problem, open)) return undefined;
    const { items } = problem;
    for (const isCalm of [true, false]) {
      const layout = new Layout(problem, open.slice(), order, weights, ranks);
      const stays = (at: number): boolean => {
        const { node = 0, kind = -1 } = items[at] ?? {};
        return Boolean(open[node]) && (isCalm || kind < 0 || !problem.classes[kind]?.some((may) => may));
      };
      for (const at of items.keys()) if (stays(at)) layout.#put(at, items[at]?.node ?? 0);
      const rest = layout.#largestFirst([...items.keys()].filter((at) => !stays(at)));
      if (layout.#placeAll(rest, !isCalm) && layout.#isRight()) return layout;
    }
    return undefined;
  }

  /** Nodes looked at for an item, and questions whether it fits: a measure of the work done. */
  get asked(): number {
    return this.#packing.asked + this.#looks;
  }

  openRows(): readonly number[] {
    return this.#rows(1);
  }

  closedRows(): readonly number[] {
    return this.#rows(0);
  }

  /** How much is on a node. */
  fill(row: number): number {
    let sum = 0;
    for (const at of this.#itemsOn[row] ?? []) sum += this.#weights[at] ?? 0;
    return sum;
  }

  /** Empties a node into the other open ones, and into `instead` if that is given. Nothing has changed when it returns false. */
  tryClose(row: number, instead?: number): boolean {
    const moved = this.#largestFirst([...(this.#itemsOn[row] ?? [])]);
    if (moved.some((at) => (this.problem.items[at]?.kind ?? -1) < 0)) return false;
    if (instead !== undefined) this.#setOpen(instead, 1);
    for (const at of moved) this.#take(at);
    this.#setOpen(row, 0);
    if (areSpread(this.problem, this.#open) && this.#placeAll(moved, false) && this.#isRight(true)) return true;
    for (const at of moved) if ((this.#placement[at] ?? -1) >= 0) this.#take(at);
    this.#setOpen(row, 1);
    for (const at of moved) this.#put(at, row);
    if (instead !== undefined) this.#setOpen(instead, 0);
    return false;
  }

  /** Undefined when some rule is broken. */
  solution(): Solution | undefined {
    if (!areSpread(this.problem, this.#open) || !this.#isRight()) return undefined;
    const placement = this.#placement.slice();
    const open = this.#open.slice();
    return { placement, open, cost: costOf(this.problem, placement, open) };
  }

  #rows(isOpen: 0 | 1): readonly number[] {
    return [...this.#open.keys()].filter((row) => this.#open[row] === isOpen);
  }

  #largestFirst(items: readonly number[]): readonly number[] {
    return items.toSorted((a, b) => (this.#ranks[a] ?? 0) - (this.#ranks[b] ?? 0));
  }

  #placeAll(items: readonly number[], ownFirst: boolean): boolean {
    for (const at of items) {
      const item = this.problem.items[at];
      if (item === undefined) return false;
      if (ownFirst && this.#open[item.node] && this.#tryOn(at, item.node)) continue;
      const isSpread = item.groups.length > 0 && this.problem.rules.length > 0;
      if (!(isSpread && this.#placeOne(at, item, true)) && !this.#placeOne(at, item, false)) return false;
    }
    return true;
  }

  /** On the first node that takes it; with `widening` only in a domain that its groups lack. */
  #placeOne(at: number, { sizes }: ProblemItem, widening: boolean): boolean {
    for (let place = this.#room.next(0, sizes); place >= 0; place = this.#room.next(place + 1, sizes)) {
      this.#looks += 1;
      const row = this.#order[place] ?? 0;
      if ((!widening || this.#groups.widens(at, row)) && this.#tryOn(at, row)) return true;
    }
    return false;
  }

  #tryOn(at: number, row: number): boolean {
    if (!this.#packing.fits(at, row) || !this.#groups.allow(at, row)) return false;
    const item = this.problem.items[at];
    const has = (tag: number): boolean => this.#packing.tagged(row, tag) > 0;
    if (item && item.wants.length > 0 && row !== item.node && !item.wants.every(has)) return false;
    this.#put(at, row);
    return true;
  }

  /** Whether what the sums and counts say is as it should be; wishes are met when those that moved have found theirs. */
  #isRight(haveFound: boolean = false): boolean {
    if (!this.#groups.isMet() || !haveSpare(this.problem, this.#packing, this.#open)) return false;
    return haveFound || haveWishes(this.problem, this.#packing, this.#placement, this.#atFirst);
  }

  #setOpen(row: number, isOpen: 0 | 1): void {
    this.#open[row] = isOpen;
    this.#noteRoom(row);
  }

  #noteRoom(row: number): void {
    const capacities = this.problem.nodes[row]?.capacities ?? [];
    const free = (figure: number): number =>
      this.#open[row] ? (capacities[figure] ?? 0) - this.#packing.used(row, figure) : -Infinity;
    this.#room.set(this.#placeOf[row] ?? 0, free);
  }

  #put(at: number, row: number): void {
    this.#packing.add(at, row);
    this.#groups.add(at, row);
    this.#itemsOn[row]?.add(at);
    this.#placement[at] = row;
    this.#noteRoom(row);
  }

  #take(at: number): void {
    const row = this.#placement[at] ?? 0;
    this.#packing.remove(at, row);
    this.#groups.remove(at, row);
    this.#itemsOn[row]?.delete(at);
    this.#placement[at] = -1;
    this.#noteRoom(row);
  }
}

/**
 * What others want near them comes before those, then those of a group that bring it into as many domains as it must be in, then what has
 * few choices before what would take them away, large before small.
 */
export function ranksOf({ items, classes, rules }: Problem, weights: readonly number[]): Int32Array {
  const choices = classes.map((kind) => kind.reduce((sum, may) => sum + may, 0));
  const order = [...items.entries()].sort(
    ([a, x], [b, y]) =>
      Number(x.wants.length > 0) - Number(y.wants.length > 0) ||
      (choices[x.kind] ?? 0) - (choices[y.kind] ?? 0) ||
      (weights[b] ?? 0) - (weights[a] ?? 0) ||
      a - b,
  );
  const asked = (group: number): number => Math.max(0, ...rules.map(({ ofGroups }) => ofGroups[group] ?? 0));
  const seen = new Map<number, number>();
  const spreads = order.map(([, { groups, wants }]) => {
    const isOne = wants.length === 0 && groups.some((group) => (seen.get(group) ?? 0) < asked(group));
    for (const group of groups) seen.set(group, (seen.get(group) ?? 0) + 1);
    return isOne;
  });
  const ranks = new Int32Array(items.length);
  const first = order.filter((_, place) => spreads[place]);
  const rest = order.filter((_, place) => !spreads[place]);
  for (const [rank, [at]] of [...first, ...rest].entries()) ranks[at] = rank;
  return ranks;
}
