import type { Cluster } from '../cluster/cluster.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { ClusterModel } from './model.ts';

/** Name of the agent that an entry says; undefined for another kind of entry. */
export function agentIn(entry: string): string | undefined {
  return /^agent:\/\/(.+)$/.exec(entry)?.[1];
}

/** Names of the agents whose nodes discovery lists. */
export function agentsOf({ nodes }: Cluster): ReadonlySet<string> {
  return new Set(nodes.flatMap(({ entry }) => agentIn(entry) ?? []));
}

/** A node that is being forgotten leaves the mesh, too, unless its agent is another one's by now. Rejects when that cannot be written. */
export async function leaveMesh(
  { memory, cluster }: Pick<ClusterModel, 'memory' | 'cluster'>,
  mesh: Pick<Mesh, 'remove'>,
  nodeId: string,
): Promise<void> {
  const agent = agentIn(memory?.seen.get(nodeId)?.entry ?? '');
  if (agent !== undefined && !agentsOf(cluster).has(agent)) await mesh.remove(agent);
}
