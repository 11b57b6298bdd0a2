import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** Agents that end strict containers on their nodes, see `fencing/agent-leases.ts`. */
export const agentRoutes: RouteHandlers = {
  'POST /enxame/v1/agents/{id}': renewLease,
  'DELETE /enxame/v1/agents/{id}': forgetAgent,
};

async function renewLease(call: Call): Promise<void> {
  const { value } = await readJson(call);
  const { drills, leases } = call.services;
  const id = param(call, 'id');
  drills.assertHeard(id);
  const orders = await leases.renew(id, value);
  sendJson(call.res, 200, JSON.stringify(orders));
}

async function forgetAgent(call: Call): Promise<void> {
  await call.services.leases.forget(param(call, 'id'));
  sendStatus(call.res, 200);
}
