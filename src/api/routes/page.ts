import { ConflictError } from '../../common/errors.ts';
import { sendJson } from '../answer.ts';
import type { RouteHandlers } from '../call.ts';
import { flag } from '../query-flag.ts';

/** The page in a browser: who may use this API may look at it. */
export const pageRoutes: RouteHandlers = {
  'POST /enxame/v1/page/login': async ({ res, query, services: { page } }) => {
    if (!page) throw new ConflictError('this manager serves no page: start it with --page', 'NO_PAGE');
    res.setHeader('Cache-Control', 'no-store');
    sendJson(res, 200, `${JSON.stringify(page.login({ readOnly: flag(query, 'readonly') }))}\n`);
  },
};
