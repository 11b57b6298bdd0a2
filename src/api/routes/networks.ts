import type { Container } from '../../cluster/container.ts';
import { BadRequestError } from '../../common/errors.ts';
import type { ConnectBody } from '../../networks/connections.ts';
import type { WantedNetwork } from '../../networks/wanted-network.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { CONNECT_BODY, NETWORK_BODY } from '../body-shapes.ts';
import { NETWORK_TYPES, requireTypes } from '../body-types.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { readCanonical } from '../canonical-body.ts';
import { NETWORK_FILTERS, networkQuery } from '../filters/networks.ts';
import { parseFilters } from '../filters/query.ts';

/** Networks: one that asks for no local driver spans the cluster. */
export const networkRoutes: RouteHandlers = {
  'GET /networks': listNetworks,
  'GET /networks/{id}': inspectNetwork,
  'DELETE /networks/{id}': removeNetwork,
  'POST /networks/create': createNetwork,
  'POST /networks/{id}/connect': connectContainer,
  'POST /networks/{id}/disconnect': disconnectContainer,
  'POST /networks/prune': pruneNetworks,
};

async function listNetworks(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), NETWORK_FILTERS);
  const { cluster, networks } = call.services;
  const listed = await networks.list(networkQuery(filters, cluster.nodes), call.signal);
  sendJson(call.res, 200, JSON.stringify(listed));
}

async function inspectNetwork(call: Call): Promise<void> {
  const scope = call.query.get('scope') ?? undefined;
  const search = call.query.has('verbose') ? `?verbose=${encodeURIComponent(call.query.get('verbose') ?? '')}` : '';
  const network = await call.services.networks.inspect(param(call, 'id'), { search, scope }, call.signal);
  sendJson(call.res, 200, JSON.stringify(network));
}

async function removeNetwork(call: Call): Promise<void> {
  await call.services.networks.remove(param(call, 'id'), call.signal);
  sendStatus(call.res, 204);
}

async function createNetwork(call: Call): Promise<void> {
  const { text, value } = await readCanonical(call, NETWORK_BODY);
  const userAgent = call.req.headers['user-agent'] ?? '';
  const body = objectOf<WantedNetwork>(value);
  requireTypes(body, NETWORK_TYPES, 'create a network');
  const answer = await call.services.networks.create(text, body, userAgent, call.signal);
  sendJson(call.res, 201, JSON.stringify(answer));
}

async function connectContainer(call: Call): Promise<void> {
  const { networks, lifecycle } = call.services;
  const reference = param(call, 'id');
  const { value } = await readCanonical(call, CONNECT_BODY);
  const body = objectOf<ConnectBody>(value);
  const container = await usedContainer(call, body);
  await networks.connect(reference, body, call.signal);
  const { Container: _, ...rest } = body;
  const connection = { ...networkOf(call, reference), body: JSON.stringify(rest) };
  try {
    if (container) await lifecycle.connected(container, connection);
  } catch (error) {
    // What nothing durable knows of is undone.
    await networks.disconnect(reference, { Container: container?.id }, call.signal).catch(() => undefined);
    throw error;
  }
  sendStatus(call.res, 200);
}

async function disconnectContainer(call: Call): Promise<void> {
  const { networks, lifecycle } = call.services;
  const reference = param(call, 'id');
  const { value } = await readCanonical(call, CONNECT_BODY);
  const body = objectOf<ConnectBody>(value);
  const container = await usedContainer(call, body);
  const network = networkOf(call, reference);
  await networks.disconnect(reference, body, call.signal);
  if (container) await lifecycle.disconnected(container, network);
  sendStatus(call.res, 200);
}

/** A container that a client changes stays on its node; a missing one is reported by the change itself. */
async function usedContainer({ services }: Call, { Container }: ConnectBody): Promise<Container | undefined> {
  const container = typeof Container === 'string' ? services.cluster.findContainer(Container) : undefined;
  return container && (await services.lifecycle.use(container));
}

/** The network by its name, under which it is found again when it was made anew. */
function networkOf({ services }: Call, reference: string): { readonly network: string; readonly isLocal: boolean } {
  const found = services.networks.find(reference);
  return { network: found?.name ?? reference, isLocal: found?.kind === 'local' };
}

async function pruneNetworks(call: Call): Promise<void> {
  const answer = await call.services.networks.prune(call.search, call.signal);
  sendJson(call.res, 200, JSON.stringify(answer));
}

function objectOf<T extends object>(value: unknown): T {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as T;
  throw new BadRequestError('the request body must be a JSON object', 'BAD_BODY');
}
