import { NotFoundError } from '../../common/errors.ts';
import { readBuild } from '../../images/build-request.ts';
import { sendJson } from '../answer.ts';
import { prepareBases } from '../build-bases.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { hijackToNode } from '../hijack.ts';
import { pruneOnNodes } from '../node-calls.ts';
import { proxyToNode } from '../proxy.ts';
import { uploadToNode } from '../upload.ts';
import { watched } from '../watched-answer.ts';

/** Builds: where their arguments say, else on one node that keeps the cache. */
export const buildRoutes: RouteHandlers = {
  'POST /build': build,
  'POST /build/cancel': cancelBuild,
  'POST /build/prune': pruneBuilds,
  'POST /session': joinBuildKit,
  'POST /grpc': joinBuildKit,
};

async function build(call: Call): Promise<void> {
  const { images } = call.services;
  const request = readBuild(call.query);
  const { query, placementBody, platform, tags, buildId, needsSession } = request;
  const isScheduled = placementBody !== undefined && !needsSession;
  const placement = isScheduled ? images.builds.beginPlacement(placementBody, platform ? { platform } : {}) : undefined;
  const node = placement?.node ?? images.builds.builder;
  const end = buildId ? images.builds.begin(buildId, node) : undefined;
  try {
    if (!needsSession) await prepareBases(call, node, request);
    const beforeEnd = (): Promise<void> => images.settle(node, tags);
    await uploadToNode(call, node, { path: `/build?${query}` }, watched({ beforeEnd }));
  } finally {
    end?.();
    placement?.release();
  }
}

async function cancelBuild(call: Call): Promise<void> {
  const id = call.query.get('id') ?? '';
  const node = call.services.images.builds.nodeOf(id);
  if (!node) throw new NotFoundError(`No such build: ${id}`, 'NO_SUCH_BUILD');
  await proxyToNode(call, node, { path: `/build/cancel${call.search}`, body: '' });
}

async function pruneBuilds(call: Call): Promise<void> {
  sendJson(call.res, 200, await pruneOnNodes(call, { path: '/build/prune', list: 'CachesDeleted' }));
}

/** Joins the client and BuildKit, whose tags are the cluster's when this resolves. */
async function joinBuildKit(call: Call): Promise<void> {
  const { images } = call.services;
  const node = images.builds.builder;
  const end = images.sessions.begin(node);
  try {
    await hijackToNode(call, node, call.path + call.search);
  } finally {
    await end();
  }
}
