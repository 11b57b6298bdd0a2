import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { ContainerVolumes } from '../lifecycle/deps.ts';
import { GIVEN_NAME } from '../lifecycle/moving-mounts.ts';

/**
 * Why a node cannot go although all its containers could: data on it that nobody would take along. Undefined when there is none. What is kept
 * of volumes that have moved already is no reason: their home is elsewhere.
 */
export function keptFor(
  { cluster, volumes }: { readonly cluster: Cluster; readonly volumes: Pick<ContainerVolumes, 'homeOf'> },
  node: Node,
  inUse: ReadonlySet<string>,
): string | undefined {
  const idle = cluster.volumes
    .of(node)
    .filter(({ Name, Scope }) => Scope !== 'global' && !GIVEN_NAME.test(Name) && !inUse.has(Name))
    .map(({ Name }) => Name)
    .filter((name) => volumes.homeOf(name) === node);
  const [first] = idle;
  if (first === undefined) return undefined;
  const more = idle.length > 1 ? ` and ${idle.length - 1} more` : '';
  return `volume "${first}"${more} is on it, and no container that could take it along uses it: docker volume rm what is not needed`;
}
