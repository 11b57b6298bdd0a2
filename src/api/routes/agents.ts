import { isIP } from 'node:net';
import { FIRST_VERSION } from '../../cluster/node-settings.ts';
import { BadRequestError, ClusterError } from '../../common/errors.ts';
import { agentCertificate } from '../../common/tls-door.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { assertPresent } from '../present-nodes.ts';

/** Agents that end strict containers on their nodes, see `fencing/agent-leases.ts`. */
export const agentRoutes: RouteHandlers = {
  'POST /enxame/v1/agents/{id}': renewLease,
  'DELETE /enxame/v1/agents/{id}': forgetAgent,
  'POST /enxame/v1/agents/{id}/reclaim': reclaimNode,
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

/** The provider takes the node's machine back: it is drained, and stays so when it does not go after all. */
async function reclaimNode(call: Call): Promise<void> {
  const { value } = await readJson(call);
  const { action, at } = (value ?? {}) as { readonly action?: unknown; readonly at?: unknown };
  if (typeof action !== 'string' || (at !== undefined && !(Date.parse(String(at)) > 0)))
    throw new BadRequestError('reclaim: action should be a text, and at a time (RFC 3339)', 'BAD_RECLAIM');
  const id = param(call, 'id');
  assertOwn(call, id);
  const { drills, nodes, logger } = call.services;
  drills.assertHeard(id);
  const { name, node, setting } = assertPresent(nodes.find(id));
  if (node.availability !== 'drain') {
    logger.warn({ node: name, action, at }, "a node's provider takes its machine back: it is drained");
    await nodes.update(node.id, setting?.version ?? FIRST_VERSION, {
      labels: setting?.labels ?? {},
      availability: 'drain',
    });
  }
  sendStatus(call.res, 200);
}

/** An agent with its node's certificate speaks for the node that the certificate names, and for no other. Throws 403. */
function assertOwn({ req, services }: Call, nodeId: string): void {
  const certificate = agentCertificate(req);
  if (certificate === undefined) return;
  const host = services.cluster.node(nodeId)?.client.connector.host ?? '';
  // Asked for an address, checkHost finds none; asked for a name, checkIP throws.
  const own = isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host);
  if (host !== '' && own !== undefined) return;
  throw new ClusterError(`the certificate of this agent is not for the node ${nodeId}`, {
    code: 'NOT_OWN_NODE',
    status: 403,
  });
}
