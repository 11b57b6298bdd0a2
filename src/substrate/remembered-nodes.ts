import type { KnownSwarmNode, ObservedSwarm, Plan } from './types.ts';

/** Nodes that are ours no more are remembered up to this many: one may come back after years and is known then. */
const MAX_FORMER = 1_000;

/** The members that take part now, then all that ever did, latest first: of several of one member the first counts. */
export function rememberedNodes(
  { active }: Plan,
  swarm: ObservedSwarm,
  earlier: readonly KnownSwarmNode[],
): readonly KnownSwarmNode[] {
  const isManager = new Map(swarm.nodes.map(({ nodeId, role }) => [nodeId, role === 'manager']));
  const present = [...active].map(([memberId, nodeId]) => ({
    nodeId,
    memberId,
    isManager: isManager.get(nodeId) ?? false,
  }));
  const nodeIds = new Set(active.values());
  const former = earlier.filter(({ nodeId }) => !nodeIds.has(nodeId)).slice(0, MAX_FORMER);
  // What the swarm does not have any more manages nothing, whatever it believes when it returns.
  return [...present, ...former.map((node) => ({ ...node, isManager: isManager.get(node.nodeId) ?? false }))];
}
