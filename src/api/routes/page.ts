import { ConflictError } from '../../common/errors.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { param, type RouteHandlers } from '../call.ts';
import { flag } from '../query-flag.ts';

/** The page in a browser: who may use this API may look at it, and the pages of other managers may ask what the primary alone knows. */
export const pageRoutes: RouteHandlers = {
  'POST /enxame/v1/page/login': async ({ res, query, services: { page } }) => {
    if (!page) throw new ConflictError('this manager serves no page: start it with --page', 'NO_PAGE');
    res.setHeader('Cache-Control', 'no-store');
    sendJson(res, 200, `${JSON.stringify(page.login({ readOnly: flag(query, 'readonly') }))}\n`);
  },
  'GET /enxame/v1/page/plans/{kind}': async (call) => {
    const plans = await call.services.pagePlans();
    const view = await plans.view(param(call, 'kind'), call.query.getAll('node'), call.signal);
    sendJson(call.res, 200, JSON.stringify(view));
  },
  'POST /enxame/v1/page/plans/{kind}/apply': async (call) => {
    const plans = await call.services.pagePlans();
    await plans.apply(param(call, 'kind'), (await readJson(call)).value, call.signal);
    sendJson(call.res, 202, '{}');
  },
  'POST /enxame/v1/page/nodes/{id}/availability': async (call) => {
    const plans = await call.services.pagePlans();
    await plans.setAvailability(param(call, 'id'), (await readJson(call)).value);
    sendStatus(call.res, 204);
  },
};
