import type { Container } from '../../cluster/container.ts';
import type { Node } from '../../cluster/node.ts';
import { BadRequestError } from '../../common/errors.ts';
import { withClusterSocket } from '../../desired/cluster-socket.ts';
import { parseSpec } from '../../desired/container-spec.ts';
import { ANSWERS, askEngine } from '../../engine/answers.ts';
import type { ContainerOperation } from '../../lifecycle/operations.ts';
import { sendJson, sendJsonBuffers } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { readCreate } from '../canonical-body.ts';
import { operationCall, readOperation, readRemoval, readRenaming } from '../container-operations.ts';
import { CONTAINER_FILTERS, selectContainers } from '../filters/containers.ts';
import { parseFilters } from '../filters/query.ts';
import { containerPath, settledContainer } from '../owner.ts';
import { sendAnswer } from '../proxy.ts';
import { flag } from '../query-flag.ts';
import { refreshFor } from '../refresh-filters.ts';
import { renderEntry } from '../views/container-entry.ts';
import { inspectView } from '../views/container-inspect.ts';
import { nameStyleOf } from '../views/name-style.ts';

/** Containers but for their streams: listing, creating, inspecting, and every change of state. */
export const containerRoutes: RouteHandlers = {
  'GET /containers/json': listContainers,
  'POST /containers/create': createContainer,
  'GET /containers/{id}/json': inspectContainer,
  'POST /containers/{id}/start': (call) => operate(call, 'start'),
  'POST /containers/{id}/stop': (call) => operate(call, 'stop'),
  'POST /containers/{id}/restart': (call) => operate(call, 'restart'),
  'POST /containers/{id}/kill': (call) => operate(call, 'kill'),
  'POST /containers/{id}/pause': (call) => operate(call, 'pause'),
  'POST /containers/{id}/unpause': (call) => operate(call, 'unpause'),
  'POST /containers/{id}/update': (call) => operate(call, 'update'),
  'POST /containers/{id}/rename': renameContainer,
  'DELETE /containers/{id}': removeContainer,
};

/** How long one node may take to tell sizes (`docker ps -s`) before its containers are listed without. */
const SIZES_DEADLINE_MS = 20_000;

async function listContainers(call: Call): Promise<void> {
  const { cluster, containerList, clock, refresh } = call.services;
  const filters = parseFilters(call.query.get('filters'), CONTAINER_FILTERS);
  const limit = readLimit(call.query.get('limit'));
  const all = flag(call.query, 'all') || limit > 0;
  const style = nameStyleOf(call.req.headers['user-agent']);
  if (filters.size === 0 && limit <= 0 && !flag(call.query, 'size')) {
    return sendJsonBuffers(call.res, 200, containerList.render({ style, all }, clock.now()));
  }
  await refreshFor({ cluster, clock }, filters, refresh);
  const selected: Container[] = [];
  for (const container of selectContainers(cluster, filters, all)) {
    selected.push(container);
    if (limit > 0 && selected.length >= limit) break;
  }
  const nowMs = clock.now();
  if (!flag(call.query, 'size')) {
    sendJson(call.res, 200, containerList.renderOnly(selected, style, nowMs));
    return;
  }
  const sizes = await readSizes(call, selected);
  const entries = selected.map((container) => {
    const { text } = renderEntry(container, style, nowMs);
    const size = sizes.get(container);
    return size === undefined ? text : `{${size},${text.slice(1)}`;
  });
  sendJson(call.res, 200, `[${entries.join(',')}]\n`);
}

function readLimit(text: string | null): number {
  if (text === null || text === '') return -1;
  if (!/^-?\d{1,9}$/.test(text)) throw new BadRequestError(`invalid limit '${text}': use a number`, 'BAD_LIMIT');
  return Number(text);
}

/** `"SizeRw":…,"SizeRootFs":…` of each container, asked of its node; absent where the node did not answer in time. */
async function readSizes(
  { signal, api }: Call,
  containers: readonly Container[],
): Promise<ReadonlyMap<Container, string>> {
  const perNode = new Map<Node, Container[]>();
  for (const container of containers) {
    if (container.node.isHealthy) perNode.set(container.node, [...(perNode.get(container.node) ?? []), container]);
  }
  const sizes = new Map<Container, string>();
  const asked = [...perNode].map(async ([node, own]) => {
    const filters = encodeURIComponent(JSON.stringify({ id: own.map(({ engineId }) => engineId) }));
    const path = `/containers/json?all=1&size=1&filters=${filters}`;
    const request = { method: 'GET', path, api, signal, timeoutMs: SIZES_DEADLINE_MS };
    const listed = await askEngine(node.client, request, ANSWERS.containers);
    for (const { Id, SizeRw, SizeRootFs } of listed) {
      const container = node.containers.get(Id);
      if (container) sizes.set(container, `"SizeRw":${SizeRw ?? 0},"SizeRootFs":${SizeRootFs ?? 0}`);
    }
  });
  await Promise.allSettled(asked);
  return sizes;
}

async function createContainer(call: Call): Promise<void> {
  const { api, query, services, signal } = call;
  const read = await readCreate(call);
  const text = withClusterSocket(read.text, read.value, services.givesClusterSocket);
  const value: unknown = text === read.text ? read.value : JSON.parse(text);
  const source = {
    text,
    api,
    platform: query.get('platform') ?? undefined,
    largestNodeCpus: services.cluster.loads.largestNanoCpus() / 1e9,
  };
  const spec = parseSpec(source, value, query.get('name') ?? undefined);
  const auth = call.req.headers['x-registry-auth'];
  await services.images.sessions.settle();
  const registryAuth = typeof auth === 'string' ? auth : undefined;
  sendAnswer(call, await services.lifecycle.create(spec, { registryAuth, signal }));
}

async function inspectContainer(call: Call): Promise<void> {
  for (let tried = 1; ; tried++) {
    const container = await settledContainer(call);
    const path = containerPath(call, container, 'json');
    const answer = await container.node.client.request({ method: 'GET', path, api: call.api, signal: call.signal });
    // It may have been made on another node meanwhile.
    if (answer.statusCode === 404 && tried === 1) continue;
    return sendAnswer(call, answer, (text) =>
      inspectView(text, container, call.services.cluster.networkNames, askedPolicy(call, container)),
    );
  }
}

/** The restart policy that clients know, where the engine has another one. */
function askedPolicy({ services }: Call, container: Container): string | undefined {
  const terms = services.lifecycle.recorder.recordOf(container)?.terms;
  return terms?.isStrict ? terms.restart : undefined;
}

async function operate(call: Call, kind: ContainerOperation['kind']): Promise<void> {
  const container = containerOf(call);
  const operation = await readOperation(call, kind);
  sendAnswer(call, await call.services.lifecycle.operate(container, operation, operationCall(call)));
}

async function renameContainer(call: Call): Promise<void> {
  const container = containerOf(call);
  const renaming = await readRenaming(call);
  sendAnswer(call, await call.services.lifecycle.rename(container, renaming, operationCall(call)));
}

async function removeContainer(call: Call): Promise<void> {
  const { cluster, lifecycle } = call.services;
  const reference = param(call, 'id');
  const removal = await readRemoval(call);
  const recorded = cluster.findContainer(reference) ? undefined : await lifecycle.removeRecorded(reference, removal);
  if (recorded) return sendAnswer(call, recorded);
  const container = containerOf(call);
  sendAnswer(call, await call.services.lifecycle.remove(container, removal, operationCall(call)));
}

function containerOf(call: Call): Container {
  return call.services.cluster.container(param(call, 'id'));
}
