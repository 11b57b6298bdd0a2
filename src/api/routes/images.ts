import type { ImageRecord } from '../../cluster/images.ts';
import type { Node } from '../../cluster/node.ts';
import { reasonOf } from '../../common/errors.ts';
import { onEach } from '../../common/every-node.ts';
import { setMember } from '../../common/json-edit.ts';
import { ANSWERS, askEngine } from '../../engine/answers.ts';
import type { EngineAnswer } from '../../engine/exchange.ts';
import type { ImageSummary } from '../../engine/types.ts';
import { holdersOf, spokesmanOf } from '../../images/holders.ts';
import { removeImage } from '../../images/removal.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { filterImages, IMAGE_FILTERS } from '../filters/images.ts';
import { parseFilters } from '../filters/query.ts';
import { askOneOf, healthyNodes, imageOf, pruneOnNodes } from '../image-calls.ts';
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
/** An engine that needs longer is left out of the list. */
const LIST_TIMEOUT_MS = 10_000;

async function listOnEngines(call: Call): Promise<readonly ImageEntry[]> {
  const query = new URLSearchParams(
    ENGINE_FLAGS.filter((name) => flag(call.query, name)).map((name) => [name, '1'] as [string, string]),
  );
  const outcomes = await onEach(healthyNodes(call), (node) =>
    askEngine(
      node.client,
      {
        method: 'GET',
        path: `/images/json?${query}`,
        api: call.api,
        signal: call.signal,
        timeoutMs: LIST_TIMEOUT_MS,
      },
      ANSWERS.images,
    ),
  );
  const [error] = outcomes.failed.values();
  if (outcomes.done.size === 0 && error !== undefined) throw error;
  logFailures(call, outcomes.failed, 'a node is missing in a list of images');
  const records = new Map<string, { readonly id: string; readonly holders: Map<Node, ImageSummary> }>();
  for (const [node, summaries] of outcomes.done) {
    for (const summary of summaries) {
      const record = records.get(summary.Id) ?? { id: summary.Id, holders: new Map() };
      record.holders.set(node, summary);
      records.set(summary.Id, record);
    }
  }
  return mergeImages(call.services.cluster, records.values());
}

async function inspectImage(call: Call): Promise<void> {
  const record = await imageOf(call, param(call, 'name'));
  const answer = await askHolder(call, record, 'json');
  const { tags, digests } = call.services.imageList.namesOf(record);
  sendAnswer(call, answer, (text) =>
    setMember(setMember(text, ['RepoTags'], JSON.stringify(tags)), ['RepoDigests'], JSON.stringify(digests)),
  );
}

async function imageHistory(call: Call): Promise<void> {
  const record = await imageOf(call, param(call, 'name'));
  sendAnswer(call, await askHolder(call, record, 'history'));
}

/** By ID, so that the answer is about the same image whichever node gives it. */
function askHolder(call: Call, record: ImageRecord, operation: string): Promise<EngineAnswer> {
  const path = `/images/${record.id}/${operation}${call.search}`;
  return askOneOf(call, (asked) => spokesmanOf(record, asked), { path });
}

async function tagImage(call: Call): Promise<void> {
  const { images } = call.services;
  const record = await imageOf(call, param(call, 'name'));
  const outcomes = await onEach(holdersOf(record), async (node) => {
    const path = `/images/${record.id}/tag${call.search}`;
    await node.client.json<unknown>({ method: 'POST', path, api: call.api, signal: call.signal });
    await node.refreshImages();
  });
  const [error] = outcomes.failed.values();
  const [first] = outcomes.done.keys();
  if (!first) throw error;
  // A holder that failed gets the name when it needs it: the image is elsewhere under it.
  logFailures(call, outcomes.failed, 'a node did not get a tag');
  const [repo, tag] = [call.query.get('repo') ?? '', call.query.get('tag')];
  await images.tags.settle(first, tag ? `${repo}:${tag}` : repo);
  sendStatus(call.res, 201);
}

async function deleteImage(call: Call): Promise<void> {
  const { search, api, signal } = call;
  const reference = param(call, 'name');
  await imageOf(call, reference);
  const items = await removeImage(call.services.cluster.images, { reference, search, api, signal });
  sendJson(call.res, 200, `${JSON.stringify(items)}\n`);
}

async function pruneImages(call: Call): Promise<void> {
  const afterwards = (node: Node): Promise<void> => node.refreshImages();
  sendJson(call.res, 200, await pruneOnNodes(call, { path: '/images/prune', list: 'ImagesDeleted', afterwards }));
}

function logFailures(call: Call, failed: ReadonlyMap<Node, unknown>, message: string): void {
  for (const [node, error] of failed) call.services.logger.warn({ node: node.name, reason: reasonOf(error) }, message);
}
