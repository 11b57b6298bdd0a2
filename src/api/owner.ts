import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { ClusterError } from '../common/errors.ts';
import { type Call, param } from './call.ts';

/** The container that `{id}` of the path means, on a node that can be asked. Throws 404, 400 (ambiguous) or 503. */
export function containerOf(call: Call): Container {
  const container = call.services.cluster.container(param(call, 'id'));
  requireHealthy(container.node, `container ${container.name}`);
  return container;
}

/** Throws a 503 that names the node when it cannot be asked now; `what` is what the client wants of it. */
export function requireHealthy(node: Node, what: string): void {
  if (node.isHealthy) return;
  throw new ClusterError(`${what} is on node ${node.name}, which is ${node.state.toLowerCase()}: ${node.reason}`, {
    code: 'NODE_UNHEALTHY',
    status: 503,
  });
}

/** The engine's path of a container's operation, with the client's query: `/containers/<engine's ID>/<operation>?…`. */
export function containerPath(call: Call, container: Container, operation: string): string {
  return `/containers/${container.engineId}/${operation}${call.search}`;
}
