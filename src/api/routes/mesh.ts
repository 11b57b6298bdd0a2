import { NotFoundError } from '../../common/errors.ts';
import type { MeshStatus } from '../../mesh/status.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { param, type RouteHandlers } from '../call.ts';

/** What `GET /enxame/v1/mesh` answers. */
export type MeshAnswer = MeshStatus;

/** The encrypted network between nodes. */
export const meshRoutes: RouteHandlers = {
  'GET /enxame/v1/mesh': async ({ res, services: { mesh } }) => {
    const answer: MeshAnswer = mesh.status;
    sendJson(res, 200, `${JSON.stringify(answer)}\n`);
  },
  'DELETE /enxame/v1/mesh/{id}': async (call) => {
    const id = param(call, 'id');
    if (!(await call.services.mesh.remove(id)))
      throw new NotFoundError(`there is no node ${id} in the mesh: 'enxame mesh --nodes' lists them`, 'NO_SUCH_NODE');
    sendStatus(call.res, 204);
  },
};
