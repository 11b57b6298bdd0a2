import type { Problem } from './problem.ts';

/** In which domains the replicas of groups are, while items are placed one after the other. */
export class GroupDomains {
  readonly #problem: Problem;
  /** By rule and group: how many replicas are in each domain. */
  readonly #counts: readonly (readonly Map<number, number>[])[];
  /** By group: replicas that have no place yet. */
  readonly #left: Int32Array;
  /** How many rules are not met, each counted for each group. */
  #unmet: number;

  constructor(problem: Problem, groups: number) {
    this.#problem = problem;
    this.#counts = problem.rules.map(() => Array.from({ length: groups }, () => new Map<number, number>()));
    this.#left = new Int32Array(groups);
    this.#unmet = problem.rules.reduce((sum, { ofGroups }) => sum + ofGroups.filter((asked) => asked > 0).length, 0);
    for (const item of problem.items) for (const group of item.groups) this.#left[group] = (this.#left[group] ?? 0) + 1;
  }

  /** Whether the groups of an item can still meet every rule with it on a node. */
  allow(at: number, row: number): boolean {
    const { items, nodes, rules } = this.#problem;
    if (rules.length === 0) return true;
    const groups = items[at]?.groups ?? [];
    for (const [index, rule] of rules.entries()) {
      const domain = nodes[row]?.domains[index] ?? 0;
      for (const group of groups) {
        const counts = this.#counts[index]?.[group];
        const missing = (rule.ofGroups[group] ?? 0) - (counts?.size ?? 0);
        if (missing > 0 && (this.#left[group] ?? 0) <= missing && counts?.has(domain)) return false;
      }
    }
    return true;
  }

  /** Whether a node is in a new domain for each group of an item that is in too few. */
  widens(at: number, row: number): boolean {
    const { items, nodes, rules } = this.#problem;
    return rules.every((rule, index) => {
      const domain = nodes[row]?.domains[index] ?? 0;
      return (items[at]?.groups ?? []).every((group) => {
        const counts = this.#counts[index]?.[group];
        return (counts?.size ?? 0) >= (rule.ofGroups[group] ?? 0) || !counts?.has(domain);
      });
    });
  }

  /** Whether every group is in as many domains as it must be. */
  isMet(): boolean {
    return this.#unmet === 0;
  }

  add(at: number, row: number): void {
    this.#change(at, row, 1);
  }

  remove(at: number, row: number): void {
    this.#change(at, row, -1);
  }

  #change(at: number, row: number, by: 1 | -1): void {
    const { items, nodes, rules } = this.#problem;
    for (const group of items[at]?.groups ?? []) {
      this.#left[group] = (this.#left[group] ?? 0) - by;
      for (const [index, ofGroups] of this.#counts.entries()) {
        const counts = ofGroups[group];
        const asked = rules[index]?.ofGroups[group] ?? 0;
        const wasMet = (counts?.size ?? 0) >= asked;
        const domain = nodes[row]?.domains[index] ?? 0;
        const count = (counts?.get(domain) ?? 0) + by;
        if (count === 0) counts?.delete(domain);
        else counts?.set(domain, count);
        this.#unmet += Number(wasMet) - Number((counts?.size ?? 0) >= asked);
      }
    }
  }
}

/** One more than the largest group. */
export function groupsIn({ items }: Problem): number {
  return 1 + items.reduce((largest, { groups }) => Math.max(largest, ...groups), -1);
}
