import type { Container } from '../../cluster/container.ts';
import type { Node } from '../../cluster/node.ts';
import { requireHealthy } from '../../cluster/reachable.ts';
import { NotFoundError } from '../../common/errors.ts';
import { memberString, replaceMember } from '../../common/json-edit.ts';
import { readJsonText } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { requireJson } from '../content-type.ts';
import { hijackToNode } from '../hijack.ts';
import { containerPath, usedContainer } from '../owner.ts';
import { proxyToNode } from '../proxy.ts';

/** Exec: created on the container's node, found again by the exec's ID. */
export const execRoutes: RouteHandlers = {
  'POST /containers/{id}/exec': createExec,
  'POST /exec/{id}/start': startExec,
  'POST /exec/{id}/resize': resizeExec,
  'GET /exec/{id}/json': inspectExec,
};

/** Bound of the search for an unknown exec on the nodes, in milliseconds. */
const SEARCH_MS = 3_000;

async function createExec(call: Call): Promise<void> {
  requireJson(call.req);
  const container = await usedContainer(call);
  const body = await readJsonText(call);
  const path = containerPath(call, container, 'exec');
  const answer = await proxyToNode(call, container.node, { path, body });
  if (answer.statusCode !== 201) return;
  const execId = memberString(answer.body.toString(), ['Id']);
  if (execId) call.services.execs.remember(execId, container.node.id);
}

async function startExec(call: Call): Promise<void> {
  const node = await nodeOf(call);
  await hijackToNode(call, node, `/exec/${param(call, 'id')}/start${call.search}`, 'forwarded');
}

async function resizeExec(call: Call): Promise<void> {
  const node = await nodeOf(call);
  await proxyToNode(call, node, { path: `/exec/${param(call, 'id')}/resize${call.search}` });
}

async function inspectExec(call: Call): Promise<void> {
  const node = await nodeOf(call);
  await proxyToNode(call, node, {
    path: `/exec/${param(call, 'id')}/json`,
    editBody: (text) => withClusterId(text, node.containers),
  });
}

function withClusterId(text: string, containers: ReadonlyMap<string, Container>): string {
  const container = containers.get(memberString(text, ['ContainerID']) ?? '');
  if (!container || container.id === container.engineId) return text;
  return replaceMember(text, ['ContainerID'], JSON.stringify(container.id));
}

async function nodeOf(call: Call): Promise<Node> {
  const execId = param(call, 'id');
  const { cluster, execs } = call.services;
  // The ID goes into a path of ours, and no engine knows an exec by anything else.
  if (!/^[0-9a-f]{64}$/.test(execId)) throw noSuchExec(execId);
  const remembered = cluster.node(execs.nodeOf(execId) ?? '');
  const node = remembered ?? (await searchNode(call, execId));
  if (!node) throw noSuchExec(execId);
  requireHealthy(node, `exec ${execId.slice(0, 12)}`);
  execs.remember(execId, node.id);
  return node;
}

/** Asks all healthy nodes at once: a restarted manager does not know the execs from before. */
async function searchNode(call: Call, execId: string): Promise<Node | undefined> {
  const asked = call.services.cluster.healthyNodes().map(async (node) => {
    const { client } = node;
    await client.json({ method: 'GET', path: `/exec/${execId}/json`, signal: call.signal, timeoutMs: SEARCH_MS });
    return node;
  });
  return Promise.any(asked).catch(() => undefined);
}

function noSuchExec(execId: string): NotFoundError {
  return new NotFoundError(`No such exec instance: ${execId}`, 'NO_SUCH_EXEC');
}
