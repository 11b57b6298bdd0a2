import type { DrilledNode } from '../../availability/drills.ts';
import type { FailoverView } from '../../availability/failover-view.ts';
import { sendJson, sendStatus } from '../answer.ts';
import type { RouteHandlers } from '../call.ts';

/** What `GET /enxame/v1/failover` answers. */
export type FailoverAnswer = FailoverView & {
  /** Nodes that are treated as lost. */
  readonly drill: readonly DrilledNode[];
};

/** What is brought back after the loss of nodes. */
export const failoverRoutes: RouteHandlers = {
  'GET /enxame/v1/failover': async ({ res, services }) =>
    void sendJson(res, 200, `${JSON.stringify({ ...services.failover.view(), drill: services.drills.view() })}\n`),
  'POST /enxame/v1/failover/resume': async ({ res, services }) => {
    services.failover.resume();
    sendStatus(res, 204);
  },
};
