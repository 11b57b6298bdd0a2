import { ConflictError, NotFoundError } from '../../common/errors.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { readCheapestRequest } from '../cheapest-request.ts';

/** What the cluster could cost less by. */
export const cheapestRoutes: RouteHandlers = {
  'POST /enxame/v1/plans/cheapest': planCheapest,
  'POST /enxame/v1/plans/cheapest/run': runPlan,
  'GET /enxame/v1/plans/cheapest/run': showRun,
  'DELETE /enxame/v1/plans/cheapest/run': endRun,
};

/** 8 MiB: price files of a few ten thousand entries. */
const MAX_BYTES = 8 * 1024 * 1024;

async function planCheapest(call: Call): Promise<void> {
  const request = readCheapestRequest((await readJson(call, MAX_BYTES)).value);
  sendJson(call.res, 200, JSON.stringify(await call.services.cheapest.plan(request, call.signal)));
}

/** Makes the plan anew, and carries it out if it is the one that was confirmed; else answers with it, and does nothing. */
async function runPlan(call: Call): Promise<void> {
  const { value } = await readJson(call, MAX_BYTES);
  const { digest } = (value ?? {}) as { readonly digest?: unknown };
  const plan = await call.services.cheapest.plan(readCheapestRequest(value), call.signal);
  // The cluster or its prices have changed since the plan was made: this is the one to look at now.
  if (plan.digest !== digest) return void sendJson(call.res, 200, JSON.stringify({ plan }));
  if (plan.nodes.some(({ fate }) => fate === 'made'))
    throw new ConflictError(
      'the plan needs machines that are not there: make them first, as enxame plan cheapest --apply does',
      'PLAN_NEEDS_MACHINES',
    );
  call.services.cheapestRuns.begin(plan);
  sendJson(call.res, 202, JSON.stringify({ run: call.services.cheapestRuns.view() }));
}

async function showRun({ res, services }: Call): Promise<void> {
  const view = services.cheapestRuns.view();
  if (!view) throw new NotFoundError('no plan was carried out since this manager started', 'NO_SUCH_RUN');
  sendJson(res, 200, JSON.stringify(view));
}

async function endRun({ res, services }: Call): Promise<void> {
  // It goes on for as long as moves are under way.
  void services.cheapestRuns.end();
  sendStatus(res, 204);
}
