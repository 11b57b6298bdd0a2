/** A node as it is judged for its failure domains. */
export interface DomainNode {
  readonly isHealthy: boolean;
  readonly labels: ReadonlyMap<string, string>;
}

/**
 * Domains, as `provider=aws`, whose loss would leave fewer than half of the nodes: a manager that has no witness would take it for its own
 * isolation, and move nothing. A label that all nodes have the same value of, or none, names no domains.
 *
 * @param nodes those that were last known healthy
 */
export function riskyDomains(nodes: readonly DomainNode[], labels: readonly string[]): readonly string[] {
  const healthy = nodes.filter(({ isHealthy }) => isHealthy);
  return labels.flatMap((label) => {
    const counts = new Map<string | undefined, number>();
    for (const node of healthy) {
      const value = node.labels.get(label);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    if (counts.size < 2) return [];
    return [...counts].flatMap(([value, count]) =>
      value !== undefined && 2 * (healthy.length - count) < nodes.length ? `${label}=${value}` : [],
    );
  });
}
