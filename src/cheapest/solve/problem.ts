import type { PortClaim, PortRequest } from '../../scheduler/types.ts';

/** A node as numbers. Which figures `sizes` and `capacities` have is the caller's; all have them in one order. */
export interface ProblemNode {
  /** What it costs in the period that counts, in millionths of the currency; a whole number. */
  readonly costMicros: number;
  /** What it may hold of each figure. What is over it already may stay. */
  readonly capacities: readonly number[];
  /** Most containers it takes; infinite when nobody says. */
  readonly slots: number;
  /** It cannot go, whatever that would save. */
  readonly mustStay: boolean;
  /** Its failure domain for each rule; a number of the rule's own. */
  readonly domains: readonly number[];
  /** Which entry of {@link ProblemItem.moveMicros} holds for what goes there. */
  readonly place: number;
  /** It is not there yet. */
  readonly isNew?: boolean;
}

/** What moves together, or does not: one container, or several that must share a node. */
export interface ProblemItem {
  readonly sizes: readonly number[];
  /** How many containers it is. */
  readonly count: number;
  /** The row of the node that it is on. */
  readonly node: number;
  /** The row of {@link Problem.classes} with the nodes that may take it; -1: it stays. */
  readonly kind: number;
  /** What it asks for anew where it goes, and what it holds where it is. */
  readonly ports: readonly PortRequest[];
  readonly claims: readonly PortClaim[];
  /** What others look for, or keep away from. */
  readonly tags: readonly number[];
  /** It keeps away from items with these tags. */
  readonly repels: readonly number[];
  /** For each of these, another item with the tag must be on its node. */
  readonly wants: readonly number[];
  /** Whose replicas it has, each group once. */
  readonly groups: readonly number[];
  /** What its move to a place costs, once, in millionths of the currency; nothing where an entry is missing. */
  readonly moveMicros: readonly number[];
  /** What its move costs beside money: 1 for the move, and 1 for each second that it does not run. */
  readonly burden: number;
}

/** In how many domains the nodes and the replicas of each group must be at least. */
export interface DomainRule {
  readonly least: number;
  /** By group: what is asked of it, no more than it can meet. */
  readonly ofGroups: readonly number[];
}

/** The question: which nodes stay, and what goes where. Plain data, the same answer each time. */
export interface Problem {
  readonly nodes: readonly ProblemNode[];
  readonly items: readonly ProblemItem[];
  /** By kind and node: 1 where the scheduler's filters let it go, what is on the node left aside. */
  readonly classes: readonly Uint8Array[];
  readonly rules: readonly DomainRule[];
  /** For each of so many nodes, the others that are kept have room for what it holds. */
  readonly spareNodes: number;
}

/** Money first, then moves and the time in which something does not run. */
export interface Cost {
  /** Of the nodes kept and of what moving costs once. */
  readonly micros: number;
  readonly burden: number;
}

/** An answer that keeps every rule. */
export interface Solution {
  /** By item: the row of its node. */
  readonly placement: Int32Array;
  /** By node: 1 when it is kept. */
  readonly open: Uint8Array;
  readonly cost: Cost;
}

export function isCheaper(a: Cost, b: Cost): boolean {
  return a.micros < b.micros || (a.micros === b.micros && a.burden < b.burden);
}

/** What it costs to have an item on a node. */
export function moveMicros({ nodes }: Problem, item: ProblemItem, to: number): number {
  if (to === item.node) return 0;
  return item.moveMicros[nodes[to]?.place ?? 0] ?? 0;
}

export function costOf(problem: Problem, placement: Int32Array, open: Uint8Array): Cost {
  let micros = 0;
  let burden = 0;
  for (const [row, node] of problem.nodes.entries()) if (open[row]) micros += node.costMicros;
  for (const [at, item] of problem.items.entries()) {
    const to = placement[at] ?? item.node;
    if (to === item.node) continue;
    micros += moveMicros(problem, item, to);
    burden += item.burden;
  }
  return { micros, burden };
}
