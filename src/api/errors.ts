import type { ServerResponse } from 'node:http';
import { ClusterError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { sendMessage } from './answer.ts';
import type { Route } from './operations.ts';

/** A path no engine knows (404), in an engine's words. */
export class PageNotFoundError extends ClusterError {
  constructor() {
    super('page not found', { code: 'PAGE_NOT_FOUND', status: 404 });
  }
}

/** The path exists with other methods (405). */
export class MethodNotAllowedError extends ClusterError {
  readonly allow: readonly string[];

  constructor(method: string, allow: readonly string[]) {
    super(`method ${method} is not allowed here; use ${allow.join(' or ')}`, {
      code: 'METHOD_NOT_ALLOWED',
      status: 405,
    });
    this.allow = allow;
  }
}

/** The operation belongs to Docker's swarm mode (503, as an engine outside of it answers). */
export class SwarmInactiveError extends ClusterError {
  constructor(reason: string) {
    super(`This node is not a swarm manager. Enxame does not offer this operation: ${reason}.`, {
      code: 'SWARM_INACTIVE',
      status: 503,
    });
  }
}

/** The operation is known and not built yet (501). */
export class NotSupportedError extends ClusterError {
  constructor(route: Route) {
    super(`${route.method} ${route.path} is not yet supported by Enxame; use the node's own engine for it`, {
      code: 'NOT_SUPPORTED',
      status: 501,
    });
  }
}

/** The client is gone or the manager stops: the call needs no answer. Reason of a call's signal. */
export class CallEndedError extends ClusterError {
  constructor(why: 'client left' | 'manager stops') {
    super(why, { code: why === 'client left' ? 'CLIENT_LEFT' : 'MANAGER_STOPS', status: 503 });
  }
}

/** The one place where a thrown value becomes an answer. Errors that are not ours are logged and answered with 500. */
export function sendError(res: ServerResponse, error: unknown, logger: Logger): void {
  if (!(error instanceof ClusterError)) logger.error({ err: error }, 'unexpected error in a call');
  if (res.destroyed || res.writableEnded) return;
  // After the head nothing but a cut connection tells the client that the answer is not complete.
  if (res.headersSent) {
    res.destroy();
    return;
  }
  if (error instanceof MethodNotAllowedError) res.setHeader('Allow', error.allow.join(', '));
  sendMessage(res, statusOf(error), error instanceof ClusterError ? error.message : `manager: ${reasonOf(error)}`);
}

function statusOf(error: unknown): number {
  return error instanceof ClusterError && error.status >= 400 && error.status <= 599 ? error.status : 500;
}
