import { sendJson } from '../answer.ts';
import type { RouteHandlers } from '../call.ts';

/** What this manager sees of what cluster networks stand on, for other managers. */
export const substrateRoutes: RouteHandlers = {
  'GET /enxame/v1/substrate': async ({ res, services, signal }) =>
    void sendJson(res, 200, `${JSON.stringify(await services.quorum.sight(signal))}\n`),
};
