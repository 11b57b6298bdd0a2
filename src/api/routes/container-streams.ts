import type { Container } from '../../cluster/container.ts';
import { reasonOf } from '../../common/errors.ts';
import type { Call, Handler, RouteHandlers } from '../call.ts';
import { copyHeaders } from '../forwarding.ts';
import { hijackToNode } from '../hijack.ts';
import { IdRewriter } from '../id-rewriter.ts';
import { containerPath, usedContainer } from '../owner.ts';
import { openOnNode, proxyToNode, streamFromNode } from '../proxy.ts';
import { pipeAnswer } from '../relay.ts';
import { uploadToNode } from '../upload.ts';

/** Operations on one container that are bytes from or to its engine. */
export const containerStreamRoutes: RouteHandlers = {
  'GET /containers/{id}/logs': stream('logs'),
  'GET /containers/{id}/export': stream('export'),
  'GET /containers/{id}/archive': stream('archive'),
  'HEAD /containers/{id}/archive': ask('archive'),
  'PUT /containers/{id}/archive': putArchive,
  'GET /containers/{id}/stats': stats,
  'GET /containers/{id}/top': ask('top'),
  'GET /containers/{id}/changes': ask('changes'),
  'POST /containers/{id}/resize': ask('resize'),
  'POST /containers/{id}/attach': hijack('attach'),
  'GET /containers/{id}/attach/ws': hijack('attach/ws'),
  'POST /containers/{id}/wait': wait,
};

function ask(operation: string): Handler {
  return async (call) => {
    const container = await usedContainer(call);
    await proxyToNode(call, container.node, { path: containerPath(call, container, operation) });
  };
}

function stream(operation: string): Handler {
  return async (call) => {
    const container = await usedContainer(call);
    return streamFromNode(call, container.node, { path: containerPath(call, container, operation) });
  };
}

function hijack(operation: string): Handler {
  return async (call) => {
    const container = await usedContainer(call);
    return hijackToNode(call, container.node, containerPath(call, container, operation));
  };
}

async function putArchive(call: Call): Promise<void> {
  const container = await usedContainer(call);
  await uploadToNode(call, container.node, { path: containerPath(call, container, 'archive') });
}

/** Stats carry the container's ID, which must be the one clients know. */
async function stats(call: Call): Promise<void> {
  const container = await usedContainer(call);
  const path = containerPath(call, container, 'stats');
  if (container.id === container.engineId) return streamFromNode(call, container.node, { path });
  const answer = await openOnNode(call, container.node, { path });
  try {
    const head = await answer.head(call.signal);
    await pipeAnswer(call, answer, head, new IdRewriter(container.engineId, container.id));
  } finally {
    answer.destroy();
  }
}

/**
 * `docker run` waits before it starts the container and reads the head of this answer first, so it must not be held
 * back. When the node is lost meanwhile the body says so.
 */
async function wait(call: Call): Promise<void> {
  const container = await usedContainer(call);
  const { res } = call;
  const answer = await openOnNode(call, container.node, { path: containerPath(call, container, 'wait') });
  try {
    const head = await answer.head(call.signal);
    copyHeaders(res, head);
    res.writeHead(head.statusCode);
    res.flushHeaders();
    const chunks: Buffer[] = [];
    for await (const chunk of answer.body(head)) chunks.push(chunk as Buffer);
    if (head.statusCode === 200) await showStopped(call, container);
    res.end(Buffer.concat(chunks));
  } catch (error) {
    if (!res.headersSent) throw error;
    res.end(lostWhileWaiting(container, error));
  } finally {
    answer.destroy();
  }
}

/** Who waited for the end and then lists finds it. */
async function showStopped({ services }: Call, { node, engineId }: Container): Promise<void> {
  await node.refreshStopped(engineId).catch((error: unknown) => {
    services.logger.debug({ node: node.name, reason: reasonOf(error) }, 'listing after a wait failed');
  });
}

/** Plain text where JSON is awaited: Go's client makes an error of it, and takes any status in JSON for the container's own. */
function lostWhileWaiting(container: Container, error: unknown): string {
  return `node ${container.node.name} was lost while waiting for container ${container.name}: ${reasonOf(error)}\n`;
}
