import { ClusterError } from '../../common/errors.ts';
import { agentCertificate } from '../../common/tls-door.ts';
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
  assertOwn(call, id);
  drills.assertHeard(id);
  const orders = await leases.renew(id, value);
  sendJson(call.res, 200, JSON.stringify(orders));
}

async function forgetAgent(call: Call): Promise<void> {
  assertOwn(call, param(call, 'id'));
  await call.services.leases.forget(param(call, 'id'));
  sendStatus(call.res, 200);
}

/** An agent with its node's certificate speaks for the node that the certificate names, and for no other. Throws 403. */
function assertOwn({ req, services }: Call, nodeId: string): void {
  const certificate = agentCertificate(req);
  if (certificate === undefined) return;
  const host = services.cluster.node(nodeId)?.client.connector.host ?? '';
  if (certificate.checkIP(host) ?? certificate.checkHost(host)) return;
  throw new ClusterError(`the certificate of this agent is not for the node ${nodeId}`, {
    code: 'NOT_OWN_NODE',
    status: 403,
  });
}
