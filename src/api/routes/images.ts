import { setMember } from '../../common/json-edit.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { filterImages, IMAGE_FILTERS } from '../filters/images.ts';
import { parseFilters } from '../filters/query.ts';
import { healthyNodes, prunedNodes, pruneText } from '../node-calls.ts';
import { sendAnswer } from '../proxy.ts';
import { flag } from '../query-flag.ts';
import { type ImageEntry, mergeImages, renderImages } from '../views/image-list.ts';

/** Images as the cluster knows them: list, look at, name, remove. */
export const imageRoutes: RouteHandlers = {
  'GET /images/json': listImages,
  'GET /images/{name}/json': inspectImage,
  'GET /images/{name}/history': imageHistory,
  'POST /images/{name}/tag': tagImage,
  'DELETE /images/{name}': deleteImage,
  'POST /images/prune': pruneImages,
};

async function listImages(call: Call): Promise<void> {
  const { cluster, imageList, clock } = call.services;
  const filters = parseFilters(call.query.get('filters'), IMAGE_FILTERS);
  await call.services.images.sessions.settle();
  const needsEngines = ENGINE_FLAGS.some((name) => flag(call.query, name));
  if (filters.size === 0 && !needsEngines) return sendJson(call.res, 200, imageList.render(call.api));
  const entries = needsEngines ? await listOnEngines(call) : imageList.entries();
  sendJson(call.res, 200, renderImages(filterImages(cluster, entries, filters, clock.now()), call.api));
}

/** What only engines can say: intermediate images, sizes shared between images, manifests of image indexes. */
const ENGINE_FLAGS = ['all', 'shared-size', 'manifests', 'identity'] as const;

async function listOnEngines(call: Call): Promise<readonly ImageEntry[]> {
  const { cluster, images } = call.services;
  const flags = ENGINE_FLAGS.filter((name) => flag(call.query, name));
  const search = `?${new URLSearchParams(flags.map((name) => [name, '1'] as [string, string]))}`;
  return mergeImages(cluster, await images.list(healthyNodes(call), { search, api: call.api, signal: call.signal }));
}

async function inspectImage(call: Call): Promise<void> {
  const { images, imageList } = call.services;
  const { record, answer } = await images.inspect(param(call, 'name'), call);
  const { tags, digests } = imageList.namesOf(record);
  sendAnswer(call, answer, (text) =>
    setMember(setMember(text, ['RepoTags'], JSON.stringify(tags)), ['RepoDigests'], JSON.stringify(digests)),
  );
}

async function imageHistory(call: Call): Promise<void> {
  sendAnswer(call, await call.services.images.history(param(call, 'name'), call));
}

async function tagImage(call: Call): Promise<void> {
  const [repo, tag] = [call.query.get('repo') ?? '', call.query.get('tag')];
  await call.services.images.tag(param(call, 'name'), tag ? `${repo}:${tag}` : repo, call);
  sendStatus(call.res, 201);
}

async function deleteImage(call: Call): Promise<void> {
  const items = await call.services.images.remove(param(call, 'name'), call);
  sendJson(call.res, 200, `${JSON.stringify(items)}\n`);
}

async function pruneImages(call: Call): Promise<void> {
  const { nodes, search } = prunedNodes(call);
  const { gone, spaceBytes } = await call.services.images.prune(nodes, { search, api: call.api, signal: call.signal });
  sendJson(call.res, 200, pruneText('ImagesDeleted', gone, spaceBytes));
}
