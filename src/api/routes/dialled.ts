import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { ClusterError, ConflictError } from '../../common/errors.ts';
import { agentCertificate, isCertified } from '../../common/tls-door.ts';
import { parseEntry } from '../../discovery/entry.ts';
import { DIAL_PROTOCOL } from '../../engine/dialled/carrier.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { socketForAnswer } from '../client-socket.ts';

/** What `GET /enxame/v1/agents` answers. */
export interface AgentsAnswer {
  readonly dialled: readonly {
    readonly id: string;
    readonly from: string;
    /** RFC 3339. */
    readonly since: string;
    readonly streams: number;
  }[];
  readonly revoked: readonly { readonly id: string; readonly since: string }[];
}

/** Agents that dial the manager, so that their hosts need no open port: see `engine/dialled/`. */
export const dialledRoutes: RouteHandlers = {
  'GET /enxame/v1/agents': async ({ res, services: { dialled, revokedAgents } }) => {
    const dialledIn = dialled
      .list()
      .map(({ sinceMs, ...agent }) => ({ ...agent, since: new Date(sinceMs).toISOString() }));
    const answer: AgentsAnswer = { dialled: dialledIn, revoked: revokedAgents.list() };
    sendJson(res, 200, JSON.stringify(answer));
  },
  'POST /enxame/v1/agents/{id}/dial': dialIn,
  'POST /enxame/v1/agents/{id}/revoke': async (call) => {
    await call.services.revokedAgents.revoke(nameOf(call));
    sendStatus(call.res, 200);
  },
  'POST /enxame/v1/agents/{id}/allow': async (call) => {
    await call.services.revokedAgents.allow(nameOf(call));
    sendStatus(call.res, 200);
  },
};

async function dialIn(call: Call): Promise<void> {
  const { dialled, revokedAgents, cluster, logger } = call.services;
  const id = nameOf(call);
  assertMayDial(call, id);
  if (call.upgrade?.protocol !== DIAL_PROTOCOL)
    throw new ConflictError(`an agent dials with Upgrade: ${DIAL_PROTOCOL}`, 'BAD_UPGRADE');
  if (await dialled.hasTwin(id))
    throw new ConflictError(
      `an agent named ${id} is connected already: does another host have a copy of its key? Every host needs a certificate of its own`,
      'AGENT_TWIN',
    );
  await socketForAnswer(call);
  const { socket, early } = call.upgrade.input.take();
  // What comes meanwhile is kept for the session.
  socket.pause();
  const { remoteAddress: from = '' } = socket as Duplex & { readonly remoteAddress?: string };
  const head = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${DIAL_PROTOCOL}\r\n\r\n`;
  // Node ends the process when a session takes over a socket that still writes something else.
  await new Promise<void>((resolve) => socket.write(head, () => setImmediate(resolve)));
  if (early.length > 0) socket.unshift(early);
  if (![...cluster.nodes].some(({ entry }) => entry === `agent://${id}`))
    logger.warn(
      { agent: id, from },
      `an agent dialled in that discovery does not list: unless its engine is reached by another entry, add agent://${id} to it`,
    );
  else logger.info({ agent: id, from }, 'an agent dialled in');
  const unsubscribe = revokedAgents.subscribe((revoked) => {
    if (revoked === id) dialled.end(id);
  });
  try {
    // Revoked while it dialled: it is told when it dials again.
    if (revokedAgents.has(id)) return void socket.destroy();
    await dialled.serve(id, socket, from, call.signal);
  } finally {
    unsubscribe();
  }
  logger.info({ agent: id, from }, 'the connection of an agent ended');
}

/** A client may do everything, so also speak for a host; an agent with its node's certificate may for the host that it names. Throws 403. */
function assertMayDial({ req, services }: Call, id: string): void {
  if (!isCertified(req))
    throw new ClusterError('agents dial over TLS and show a certificate: start the manager with --tlsverify', {
      code: 'NO_CERTIFICATE',
      status: 403,
    });
  const certificate = agentCertificate(req);
  const isOwn =
    certificate === undefined ||
    (isIP(id) === 0 ? certificate.checkHost(id, { subject: 'never' }) : certificate.checkIP(id)) !== undefined;
  if (!isOwn)
    throw new ClusterError(`the certificate of this agent is not for the name ${id}`, {
      code: 'NOT_OWN_NAME',
      status: 403,
    });
  if (services.revokedAgents.has(id))
    throw new ClusterError(`the agent ${id} was revoked: 'enxame agent allow ${id}' lets it in again`, {
      code: 'AGENT_REVOKED',
      status: 403,
    });
}

/** The agent's name as entries spell it. Throws 400 for what is none. */
function nameOf(call: Call): string {
  const entry = parseEntry(`agent://${param(call, 'id')}`);
  return entry.scheme === 'agent' ? entry.host : '';
}
