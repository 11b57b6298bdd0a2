import { GroupDomains, groupsIn } from './group-domains.ts';
import { Packing } from './packing.ts';
import { costOf, isCheaper, moveMicros, type Problem, type Solution } from './problem.ts';
import { areSpread, haveSpare, haveWishes, wishesAtFirst } from './rules.ts';
import { weightsOf } from './weights.ts';

/** More nodes than this that may go or come, and the sets of them are too many. */
const MOST_CHOICES = 14;
/** Questions whether an item fits, in all: some seconds. */
const MOST_ASKED = 4_000_000;

export interface ExactAnswer {
  readonly best: Solution | undefined;
  /** Whether nothing cheaper can exist; else the work was cut off. */
  readonly isProven: boolean;
}

/**
 * The cheapest answer of all: sets of nodes, the cheapest first, and for each the placements by branch and bound. A set that costs more
 * than an answer already found ends the search.
 *
 * @param found an answer that is known, to begin with
 */
export function solveExactly(problem: Problem, found: Solution | undefined): ExactAnswer {
  const choices = problem.nodes.flatMap(({ mustStay }, row) => (mustStay ? [] : [row]));
  if (choices.length > MOST_CHOICES) return { best: found, isProven: false };
  const search = new Search(problem, found);
  for (const open of setsOf(problem, choices)) {
    const nodesCost = openCost(problem, open);
    if (search.best && nodesCost > search.best.cost.micros) break;
    if (!search.try(open, nodesCost)) return { best: search.best, isProven: false };
  }
  return { best: search.best, isProven: true };
}

function openCost({ nodes }: Problem, open: Uint8Array): number {
  return nodes.reduce((sum, { costMicros }, row) => sum + (open[row] ? costMicros : 0), 0);
}

/** All sets of nodes that may be kept, the cheapest first; of new nodes that are alike the first ones only. */
function setsOf(problem: Problem, choices: readonly number[]): readonly Uint8Array[] {
  const alike = sameAsBefore(problem, choices);
  const sets: { readonly open: Uint8Array; readonly cost: number }[] = [];
  for (let set = 0; set < 1 << choices.length; set++) {
    const isIn = (index: number): boolean => (set & (1 << index)) !== 0;
    if (alike.some((before, index) => before !== undefined && isIn(index) && !isIn(before))) continue;
    const open = Uint8Array.from(problem.nodes, ({ mustStay }) => (mustStay ? 1 : 0));
    for (const [index, row] of choices.entries()) if (isIn(index)) open[row] = 1;
    if (areSpread(problem, open)) sets.push({ open, cost: openCost(problem, open) });
  }
  return sets.sort((a, b) => a.cost - b.cost).map(({ open }) => open);
}

function sameAsBefore({ nodes, classes }: Problem, choices: readonly number[]): readonly (number | undefined)[] {
  const seen = new Map<string, number>();
  return choices.map((row, index) => {
    const node = nodes[row];
    if (!node?.isNew) return undefined;
    const key = JSON.stringify([{ ...node, slots: String(node.slots) }, classes.map((kind) => kind[row])]);
    const before = seen.get(key);
    seen.set(key, index);
    return before;
  });
}

class Search {
  best: Solution | undefined;
  readonly #problem: Problem;
  readonly #packing: Packing;
  readonly #groups: GroupDomains;
  readonly #atFirst: readonly (readonly boolean[])[];
  readonly #placement: Int32Array;
  readonly #kinds: readonly number[];
  /** The largest items first, those that are alike next to each other. */
  readonly #largestFirst: readonly number[];
  #open: Uint8Array = new Uint8Array();
  #rows: readonly number[] = [];
  #order: readonly number[] = [];
  /** By place in the order: the burden of those from there on that must move. */
  #forced: readonly number[] = [];

  constructor(problem: Problem, found: Solution | undefined) {
    this.#problem = problem;
    this.best = found;
    const whole = new Packing(problem);
    for (const [at, { node }] of problem.items.entries()) whole.add(at, node);
    this.#atFirst = wishesAtFirst(problem, whole);
    this.#packing = new Packing(problem);
    this.#groups = new GroupDomains(problem, groupsIn(problem));
    this.#placement = Int32Array.from(problem.items, ({ node }) => node);
    this.#kinds = kindsOf(problem);
    const weights = weightsOf(problem);
    const weight = (at: number): number => weights[at] ?? 0;
    this.#largestFirst = [...problem.items.keys()].sort(
      (a, b) => weight(b) - weight(a) || (this.#kinds[a] ?? 0) - (this.#kinds[b] ?? 0) || a - b,
    );
  }

  /** Looks for a better answer with these nodes. Returns false when the work has to end. */
  try(open: Uint8Array, nodesCost: number): boolean {
    const { items, nodes, classes } = this.#problem;
    this.#open = open;
    this.#rows = nodes.flatMap((_, row) => (open[row] ? [row] : []));
    const isForced = (at: number): boolean => !open[items[at]?.node ?? 0];
    const cannot = items.some(({ node, kind }) => !open[node] && !this.#rows.some((row) => classes[kind]?.[row]));
    if (cannot || !this.#mayHold()) return true;
    this.#order = [...this.#largestFirst.filter(isForced), ...this.#largestFirst.filter((at) => !isForced(at))];
    const forced = new Array<number>(this.#order.length + 1).fill(0);
    for (let place = this.#order.length - 1; place >= 0; place--) {
      const at = this.#order[place] ?? 0;
      forced[place] = (forced[place + 1] ?? 0) + (isForced(at) ? (items[at]?.burden ?? 0) : 0);
    }
    this.#forced = forced;
    return this.#descend(0, nodesCost, 0);
  }

  /** Whether the sums of what is asked for fit at all. */
  #mayHold(): boolean {
    const { items, nodes } = this.#problem;
    const figures = nodes[0]?.capacities.length ?? 0;
    for (let figure = 0; figure < figures; figure++) {
      const held = new Float64Array(nodes.length);
      let asked = 0;
      for (const { node, sizes } of items) {
        held[node] = (held[node] ?? 0) + (sizes[figure] ?? 0);
        asked += sizes[figure] ?? 0;
      }
      const capacities = this.#rows.map((row) => nodes[row]?.capacities[figure] ?? 0);
      const room = this.#rows.reduce((sum, row, index) => sum + Math.max(capacities[index] ?? 0, held[row] ?? 0), 0);
      const spare = capacities.sort((a, b) => b - a).slice(0, this.#problem.spareNodes);
      if (asked + spare.reduce((sum, each) => sum + each, 0) > room) return false;
    }
    return true;
  }

  #descend(place: number, micros: number, burden: number): boolean {
    if (this.best && !isCheaper({ micros, burden: burden + (this.#forced[place] ?? 0) }, this.best.cost)) return true;
    if (place === this.#order.length) {
      this.#take();
      return true;
    }
    const at = this.#order[place] ?? 0;
    const item = this.#problem.items[at];
    if (item === undefined) return true;
    for (const row of this.#choices(place, at)) {
      if (this.#packing.asked > MOST_ASKED) return false;
      if (!this.#packing.fits(at, row) || !this.#groups.allow(at, row)) continue;
      this.#packing.add(at, row);
      this.#groups.add(at, row);
      this.#placement[at] = row;
      const more = row === item.node ? 0 : item.burden;
      const goesOn = this.#descend(place + 1, micros + moveMicros(this.#problem, item, row), burden + more);
      this.#packing.remove(at, row);
      this.#groups.remove(at, row);
      if (!goesOn) return false;
    }
    return true;
  }

  /** Its own node first. Of items that are alike none goes before where the one before it went. */
  #choices(place: number, at: number): readonly number[] {
    const own = this.#problem.items[at]?.node ?? 0;
    const rows = this.#open[own] ? [own, ...this.#rows.filter((row) => row !== own)] : this.#rows;
    const before = this.#order[place - 1];
    if (before === undefined || this.#kinds[before] !== this.#kinds[at]) return rows;
    return rows.slice(Math.max(0, rows.indexOf(this.#placement[before] ?? 0)));
  }

  #take(): void {
    const placement = this.#placement.slice();
    if (!this.#groups.isMet()) return;
    if (!haveWishes(this.#problem, this.#packing, placement, this.#atFirst)) return;
    if (!haveSpare(this.#problem, this.#packing, this.#open)) return;
    const open = this.#open.slice();
    this.best = { placement, open, cost: costOf(this.#problem, placement, open) };
  }
}

/** Items with the same number can be exchanged. */
function kindsOf({ items }: Problem): readonly number[] {
  const numbers = new Map<string, number>();
  return items.map((item) => {
    const text = JSON.stringify(item);
    const number = numbers.get(text) ?? numbers.size;
    numbers.set(text, number);
    return number;
  });
}
