import type { Container } from '../cluster/container.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { type Call, param } from './call.ts';

/** The container that `{id}` of the path means, on a node that can be asked. Throws 404, 400 (ambiguous) or 503. */
export function containerOf(call: Call): Container {
  const container = call.services.cluster.container(param(call, 'id'));
  requireHealthy(container.node, `container ${container.name}`);
  return container;
}

/** The engine's path of a container's operation, with the client's query: `/containers/<engine's ID>/<operation>?…`. */
export function containerPath(call: Call, container: Container, operation: string): string {
  return `/containers/${container.engineId}/${operation}${call.search}`;
}
