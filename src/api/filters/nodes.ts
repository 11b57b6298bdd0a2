import type { DockerNode } from '../views/docker-node.ts';
import { type Filters, matchesLabels } from './query.ts';

/** Filters of `GET /nodes`, those of the engine: `label` is an engine's own, `node.label` one of `docker node update`. */
export const NODE_FILTERS: ReadonlySet<string> = new Set(['id', 'label', 'membership', 'name', 'node.label', 'role']);

/** Whether a node passes all filters; IDs and names by prefix, as swarm mode compares them. */
export function matchesNode({ ID, Spec, Description }: DockerNode, filters: Filters): boolean {
  const anyOf = (name: string, test: (wanted: string) => boolean): boolean => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(test);
  };
  return (
    anyOf('id', (prefix) => ID.startsWith(prefix)) &&
    anyOf('name', (prefix) => Description.Hostname.startsWith(prefix)) &&
    anyOf('role', (role) => role === Spec.Role) &&
    anyOf('membership', (membership) => membership === 'accepted') &&
    matchesLabels(Description.Engine.Labels, filters.get('label') ?? []) &&
    matchesLabels(Spec.Labels, filters.get('node.label') ?? [])
  );
}
