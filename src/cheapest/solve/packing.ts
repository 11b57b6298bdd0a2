import { assignPorts } from '../../scheduler/port-assignment.ts';
import { PortTable } from '../../scheduler/port-table.ts';
import type { NodeView, PortClaim } from '../../scheduler/types.ts';
import type { Problem, ProblemItem } from './problem.ts';

/** How many of each tag are on a node: of all, and of those that have come. */
class TagCounts {
  readonly #all = new Map<number, number>();
  readonly #come = new Map<number, number>();

  has(tags: readonly number[], among: 'all' | 'come'): boolean {
    const counts = among === 'all' ? this.#all : this.#come;
    if (counts.size === 0) return false;
    return tags.some((tag) => (counts.get(tag) ?? 0) > 0);
  }

  count(tag: number): number {
    return this.#all.get(tag) ?? 0;
  }

  add(tags: readonly number[], hasCome: boolean, by: 1 | -1): void {
    for (const tag of tags) {
      this.#all.set(tag, (this.#all.get(tag) ?? 0) + by);
      if (hasCome) this.#come.set(tag, (this.#come.get(tag) ?? 0) + by);
    }
  }
}

/** What is held on a node of what cannot be added up. */
interface Holds {
  readonly tags: TagCounts;
  readonly repels: TagCounts;
  readonly ports: PortTable;
  readonly portsOfCome: PortTable;
}

/**
 * Items on nodes. What comes to a node must fit with everything there; what stays need only bear with what has come, so that a node
 * which is over its capacity already may keep what it has. Whatever the order in which items are added, the same is allowed.
 */
export class Packing {
  /** Questions of {@link fits} so far: a measure of the work done. */
  asked = 0;
  readonly #problem: Problem;
  readonly #figures: number;
  readonly #used: Float64Array;
  /** How many have come that ask for a figure. */
  readonly #come: Int32Array;
  readonly #counts: Float64Array;
  readonly #comeInAll: Int32Array;
  readonly #holds: (Holds | undefined)[];
  readonly #claims: (readonly PortClaim[] | undefined)[];

  constructor(problem: Problem) {
    this.#problem = problem;
    this.#figures = problem.nodes[0]?.capacities.length ?? 0;
    this.#used = new Float64Array(problem.nodes.length * this.#figures);
    this.#come = new Int32Array(problem.nodes.length * this.#figures);
    this.#counts = new Float64Array(problem.nodes.length);
    this.#comeInAll = new Int32Array(problem.nodes.length);
    this.#holds = Array.from({ length: problem.nodes.length });
    this.#claims = Array.from({ length: problem.items.length });
  }

  /** What is on a node of a figure. */
  used(row: number, figure: number): number {
    return this.#used[row * this.#figures + figure] ?? 0;
  }

  /** How many containers are on a node. */
  count(row: number): number {
    return this.#counts[row] ?? 0;
  }

  /** How many items on a node have a tag. */
  tagged(row: number, tag: number): number {
    return this.#holds[row]?.tags.count(tag) ?? 0;
  }

  /** Whether an item may be on a node with what is there; with `asComing` as if it came, wherever it is at first. */
  fits(at: number, row: number, asComing: boolean = false): boolean {
    this.asked += 1;
    const { items, classes } = this.#problem;
    const item = items[at];
    if (item === undefined) return false;
    const comes = asComing || row !== item.node;
    if (comes && row !== item.node && !classes[item.kind]?.[row]) return false;
    return this.#hasRoom(item, row, comes) && this.#getsOn(item, row, comes);
  }

  #hasRoom({ sizes, count }: ProblemItem, row: number, comes: boolean): boolean {
    const node = this.#problem.nodes[row];
    if (node === undefined) return false;
    const start = row * this.#figures;
    for (let figure = 0; figure < this.#figures; figure++) {
      const size = sizes[figure] ?? 0;
      if (size === 0 || (!comes && (this.#come[start + figure] ?? 0) === 0)) continue;
      if ((this.#used[start + figure] ?? 0) + size > (node.capacities[figure] ?? 0)) return false;
    }
    const areCounted = comes || (this.#comeInAll[row] ?? 0) > 0;
    return !areCounted || (this.#counts[row] ?? 0) + count <= node.slots;
  }

  #getsOn({ tags, repels, ports, claims }: ProblemItem, row: number, comes: boolean): boolean {
    const holds = this.#holds[row];
    if (holds === undefined) return true;
    const among = comes ? 'all' : 'come';
    if (repels.length > 0 && holds.tags.has(repels, among)) return false;
    if (tags.length > 0 && holds.repels.has(tags, among)) return false;
    if (!comes) return !claims.some(({ protocol, ip, port }) => holds.portsOfCome.uses(protocol, ip, port));
    return ports.length === 0 || assignPorts(ports, viewOf(holds.ports)) !== undefined;
  }

  /** `row` is one that it fits. */
  add(at: number, row: number, asComing: boolean = false): void {
    this.#change(at, row, asComing || row !== this.#problem.items[at]?.node, 1);
  }

  /** Undoes an {@link add}. */
  remove(at: number, row: number, asComing: boolean = false): void {
    this.#change(at, row, asComing || row !== this.#problem.items[at]?.node, -1);
  }

  #change(at: number, row: number, comes: boolean, by: 1 | -1): void {
    const item = this.#problem.items[at];
    if (item === undefined) return;
    const start = row * this.#figures;
    for (let figure = 0; figure < this.#figures; figure++) {
      const size = item.sizes[figure] ?? 0;
      if (size === 0) continue;
      this.#used[start + figure] = (this.#used[start + figure] ?? 0) + by * size;
      if (comes) this.#come[start + figure] = (this.#come[start + figure] ?? 0) + by;
    }
    this.#counts[row] = (this.#counts[row] ?? 0) + by * item.count;
    if (comes) this.#comeInAll[row] = (this.#comeInAll[row] ?? 0) + by;
    if (item.tags.length > 0 || item.repels.length > 0 || item.ports.length > 0 || item.claims.length > 0)
      this.#changeHolds(at, item, row, comes, by);
  }

  #changeHolds(at: number, item: ProblemItem, row: number, comes: boolean, by: 1 | -1): void {
    const holds = this.#holds[row] ?? emptyHolds();
    this.#holds[row] = holds;
    holds.tags.add(item.tags, comes, by);
    holds.repels.add(item.repels, comes, by);
    if (by === 1)
      this.#claims[at] =
        comes && row !== item.node ? (assignPorts(item.ports, viewOf(holds.ports)) ?? []) : item.claims;
    for (const claim of this.#claims[at] ?? []) {
      for (const table of comes ? [holds.ports, holds.portsOfCome] : [holds.ports]) {
        if (by === 1) table.add(claim);
        else table.remove(claim);
      }
    }
  }
}

function emptyHolds(): Holds {
  return { tags: new TagCounts(), repels: new TagCounts(), ports: new PortTable(), portsOfCome: new PortTable() };
}

/** What the scheduler asks of a node when it looks for free ports. */
function viewOf(ports: PortTable): NodeView {
  const asked: Pick<NodeView, 'usesPort'> = { usesPort: (protocol, ip, port) => ports.uses(protocol, ip, port) };
  return asked as NodeView;
}
