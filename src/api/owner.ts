import type { Container } from '../cluster/container.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { type Call, param } from './call.ts';

/**
 * The container that `{id}` of the path means, on a node that can be asked; one that is just being made on another node is waited for. Throws
 * 404, 400 (ambiguous) or 503.
 */
export async function settledContainer(call: Call): Promise<Container> {
  const { cluster, lifecycle } = call.services;
  return reachable(await lifecycle.settled(cluster.container(param(call, 'id'))));
}

/** Like {@link settledContainer}, for whatever uses a container: one that was never started stays on its node from then on. */
export async function usedContainer(call: Call): Promise<Container> {
  const { cluster, lifecycle } = call.services;
  return reachable(await lifecycle.use(cluster.container(param(call, 'id'))));
}

function reachable(container: Container): Container {
  const { name, node, engineId } = container;
  requireHealthy(node, `container ${name}`, node.waitingReason(engineId));
  return container;
}

/** The engine's path of a container's operation, with the client's query: `/containers/<engine's ID>/<operation>?…`. */
export function containerPath(call: Call, container: Container, operation: string): string {
  return `/containers/${container.engineId}/${operation}${call.search}`;
}
