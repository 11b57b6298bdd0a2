/** A member that may be a manager of the substrate. */
export interface ManagerCandidate {
  readonly id: string;
  readonly name: string;
  readonly domain: readonly string[];
  /** Is one already: kept when nothing else speaks against it, so that roles do not wander. */
  readonly isManager: boolean;
  /** Stays one in any case, like the leader, whose stepping down is an election for all. */
  readonly isFixed: boolean;
  /** Its engine's major version; 0 when it is not known. */
  readonly release: number;
}

/** How many managers a substrate of `size` nodes has: odd, and no more than losing one or two of them asks for. */
export function managerCount(size: number): number {
  if (size >= 7) return 5;
  return size >= 3 ? 3 : 1;
}

/**
 * Chooses managers spread over failure domains: each next one comes from the widest domain with the fewest so far, then the next
 * wide one in it and so on. Where two have as few, the one with more nodes has it: of two providers the smaller one may then be lost
 * without the managers' quorum. Among equals the newer engine wins, then a present manager, then the name's order. One at least is
 * of the newest engines, wherever it is: newer engines cannot join through older ones ({@link joinAddresses}). Pure and deterministic.
 *
 * @param population the domains of all nodes, those that cannot manage now included, so that a node that is down moves no roles
 */
export function chooseManagers(
  candidates: readonly ManagerCandidate[],
  count: number,
  population: readonly (readonly string[])[] = [],
): readonly ManagerCandidate[] {
  const chosen: ManagerCandidate[] = candidates.filter(({ isFixed }) => isFixed);
  const sizes = new Map(candidates.map((each) => [each, sharing(each.domain, population)]));
  const left = candidates
    .filter(({ isFixed }) => !isFixed)
    .sort((a, b) => compareCounts(sizes.get(b) ?? [], sizes.get(a) ?? []) || byReleaseTenureName(a, b));
  const newest = Math.max(...candidates.map(({ release }) => release));
  while (chosen.length < count && left.length > 0) {
    const isNewest = chosen.some(({ release }) => release === newest);
    const open = isNewest ? left : left.filter(({ release }) => release === newest);
    const best = open.reduce((a, b) => (compareCounts(crowding(b, chosen), crowding(a, chosen)) < 0 ? b : a));
    chosen.push(best);
    left.splice(left.indexOf(best), 1);
  }
  return chosen;
}

/** Failure domain of a member: its values of the labels that name domains, the widest first; two zones of one name in two regions differ. */
export function domainOf(labels: ReadonlyMap<string, string>, spreadBy: readonly string[]): readonly string[] {
  return spreadBy.map((key) => labels.get(key) ?? '');
}

function crowding({ domain }: ManagerCandidate, chosen: readonly ManagerCandidate[]): readonly number[] {
  return sharing(
    domain,
    chosen.map((each) => each.domain),
  );
}

/** How many share each of a node's domains, the widest first. */
function sharing(domain: readonly string[], all: readonly (readonly string[])[]): readonly number[] {
  return domain.map((_, depth) => all.filter((other) => isSame(other, domain, depth)).length);
}

function isSame(a: readonly string[], b: readonly string[], depth: number): boolean {
  for (let level = 0; level <= depth; level++) if (a[level] !== b[level]) return false;
  return true;
}

function compareCounts(a: readonly number[], b: readonly number[]): number {
  for (const [index, count] of a.entries()) {
    const difference = count - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function byReleaseTenureName(a: ManagerCandidate, b: ManagerCandidate): number {
  if (a.release !== b.release) return b.release - a.release;
  if (a.isManager !== b.isManager) return a.isManager ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
