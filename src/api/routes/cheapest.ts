import { acceptCheapest } from '../../cheapest/accept.ts';
import { sendJson } from '../answer.ts';
import { readJson } from '../body.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { readCheapestRequest } from '../cheapest-request.ts';

/** What the cluster could cost less by. */
export const cheapestRoutes: RouteHandlers = {
  'POST /enxame/v1/plans/cheapest': planCheapest,
  'POST /enxame/v1/plans/cheapest/run': runPlan,
};

/** 8 MiB: price files of a few ten thousand entries. */
const MAX_BYTES = 8 * 1024 * 1024;

async function planCheapest(call: Call): Promise<void> {
  const request = readCheapestRequest((await readJson(call, MAX_BYTES)).value);
  sendJson(call.res, 200, JSON.stringify(await call.services.cheapest.plan(request, call.signal)));
}

/** Makes the plan anew, and begins to carry it out if it is the one that was confirmed; else answers with it, and does nothing. */
async function runPlan(call: Call): Promise<void> {
  const { value } = await readJson(call, MAX_BYTES);
  const { digest } = (value ?? {}) as { readonly digest?: unknown };
  const plan = await call.services.cheapest.plan(readCheapestRequest(value), call.signal);
  // The cluster or its prices have changed since the plan was made: this is the one to look at now.
  if (plan.digest !== digest) return void sendJson(call.res, 200, JSON.stringify({ plan }));
  try {
    const id = await acceptCheapest(call.services.runs, plan);
    sendJson(call.res, 202, JSON.stringify({ id }));
  } catch (error) {
    // A container has begun to move in the last moment.
    if ((error as { readonly code?: unknown }).code !== 'PLAN_OUTDATED') throw error;
    sendJson(call.res, 200, JSON.stringify({ plan }));
  }
}
