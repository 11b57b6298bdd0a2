import type { MeshStatus } from '../../mesh/status.ts';
import { sendJson } from '../answer.ts';
import type { RouteHandlers } from '../call.ts';

/** What `GET /enxame/v1/mesh` answers. */
export type MeshAnswer = MeshStatus;

/** The encrypted network between nodes. */
export const meshRoutes: RouteHandlers = {
  'GET /enxame/v1/mesh': async ({ res, services: { mesh } }) => {
    const answer: MeshAnswer = mesh.status;
    sendJson(res, 200, `${JSON.stringify(answer)}\n`);
  },
};
