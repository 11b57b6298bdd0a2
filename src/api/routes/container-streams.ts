import type { Call, Handler, RouteHandlers } from '../call.ts';
import { hijackToNode } from '../hijack.ts';
import { IdRewriter } from '../id-rewriter.ts';
import { containerPath, usedContainer } from '../owner.ts';
import { openOnNode, proxyToNode, streamFromNode } from '../proxy.ts';
import { flag } from '../query-flag.ts';
import { pipeAnswer } from '../relay.ts';
import { attachAcrossMoves } from '../streams/attach-across-moves.ts';
import { followLogs } from '../streams/follow-logs.ts';
import { followStats } from '../streams/follow-stats.ts';
import { waitAcrossMoves } from '../streams/wait-across-moves.ts';
import { uploadToNode } from '../upload.ts';

/** Operations on one container that are bytes from or to its engine. */
export const containerStreamRoutes: RouteHandlers = {
  'GET /containers/{id}/logs': logs,
  'GET /containers/{id}/export': stream('export'),
  'GET /containers/{id}/archive': stream('archive'),
  'HEAD /containers/{id}/archive': ask('archive'),
  'PUT /containers/{id}/archive': putArchive,
  'GET /containers/{id}/stats': stats,
  'GET /containers/{id}/top': ask('top'),
  'GET /containers/{id}/changes': ask('changes'),
  'POST /containers/{id}/resize': ask('resize'),
  'POST /containers/{id}/attach': attach,
  'GET /containers/{id}/attach/ws': attachWebSocket,
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

async function logs(call: Call): Promise<void> {
  const container = await usedContainer(call);
  if (flag(call.query, 'follow') && call.services.sequels.mayHave(container)) return followLogs(call, container);
  return streamFromNode(call, container.node, { path: containerPath(call, container, 'logs') });
}

async function attach(call: Call): Promise<void> {
  const container = await usedContainer(call);
  if (flag(call.query, 'stream') && call.services.sequels.mayHave(container)) return attachAcrossMoves(call, container);
  return hijackToNode(call, container.node, containerPath(call, container, 'attach'));
}

async function attachWebSocket(call: Call): Promise<void> {
  const container = await usedContainer(call);
  return hijackToNode(call, container.node, containerPath(call, container, 'attach/ws'));
}

async function putArchive(call: Call): Promise<void> {
  const container = await usedContainer(call);
  await uploadToNode(call, container.node, { path: containerPath(call, container, 'archive') });
}

/** Stats carry the container's ID, which must be the one clients know. */
async function stats(call: Call): Promise<void> {
  const container = await usedContainer(call);
  const isStream = !call.query.has('stream') || flag(call.query, 'stream');
  if (isStream && call.services.sequels.mayHave(container)) return followStats(call, container);
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

async function wait(call: Call): Promise<void> {
  await waitAcrossMoves(call, await usedContainer(call));
}
