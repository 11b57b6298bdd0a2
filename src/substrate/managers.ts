/** A member that may be a manager of the substrate. */
export interface ManagerCandidate {
  readonly id: string;
  readonly name: string;
  readonly domain: readonly string[];
  /** Is one already: kept when nothing else speaks against it, so that roles do not wander. */
  readonly isManager: boolean;
  /** Stays one in any case, like the leader, whose stepping down is an election for all. */
  readonly isFixed: boolean;
}

/** How many managers a substrate of `size` nodes has: odd, and no more than losing one or two of them asks for. */
export function managerCount(size: number): number {
  if (size >= 7) return 5;
  return size >= 3 ? 3 : 1;
}

/**
 * Chooses managers spread over failure domains: each next one comes from the provider, then region, then zone with the
 * fewest so far; among equals a present manager wins, then the name's order. Pure and deterministic.
 */
export function chooseManagers(candidates: readonly ManagerCandidate[], count: number): readonly ManagerCandidate[] {
  const chosen: ManagerCandidate[] = candidates.filter(({ isFixed }) => isFixed);
  const left = candidates.filter(({ isFixed }) => !isFixed).sort(byTenureThenName);
  while (chosen.length < count && left.length > 0) {
    const best = left.reduce((a, b) => (compareCrowding(crowding(b, chosen), crowding(a, chosen)) < 0 ? b : a));
    chosen.push(best);
    left.splice(left.indexOf(best), 1);
  }
  return chosen;
}

/** Failure domain of a member: its labels provider, region and zone; two zones of one name in two regions differ. */
export function domainOf(labels: ReadonlyMap<string, string>): readonly string[] {
  return ['provider', 'region', 'zone'].map((key) => labels.get(key) ?? '');
}

function crowding(candidate: ManagerCandidate, chosen: readonly ManagerCandidate[]): readonly number[] {
  return candidate.domain.map(
    (_, depth) =>
      chosen.filter(
        ({ domain }) => domain.slice(0, depth + 1).join('/') === candidate.domain.slice(0, depth + 1).join('/'),
      ).length,
  );
}

function compareCrowding(a: readonly number[], b: readonly number[]): number {
  for (const [index, count] of a.entries()) {
    const difference = count - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function byTenureThenName(a: ManagerCandidate, b: ManagerCandidate): number {
  if (a.isManager !== b.isManager) return a.isManager ? -1 : 1;
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}
