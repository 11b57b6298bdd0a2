import { ClusterError } from '../common/errors.ts';
import type { Node } from './node.ts';

/**
 * Throws a 503 that names the node and the reason when it cannot be asked now; `what` is what the client wants of it, `waits` why that is not
 * on another node (`waits: …`).
 */
export function requireHealthy(node: Node, what: string, waits?: string): void {
  if (!node.isHealthy) throw nodeUnhealthy(node, what, waits);
}

/** See {@link requireHealthy}. @param wayOut what else there is to do, in sentences */
export function nodeUnhealthy(node: Node, what: string, waits?: string, wayOut?: string): ClusterError {
  return new ClusterError(
    `${what} is on node ${node.name}, which is ${node.state.toLowerCase()}: ${node.reason}.${waits === undefined ? '' : ` It ${waits}.`} Try again when the node is back.${wayOut === undefined ? '' : ` ${wayOut}`}`,
    { code: 'NODE_UNHEALTHY', status: 503 },
  );
}
