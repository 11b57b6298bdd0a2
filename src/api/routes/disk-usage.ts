import type { Node } from '../../cluster/node.ts';
import { BadRequestError, reasonOf } from '../../common/errors.ts';
import { onEach } from '../../common/every-node.ts';
import { ATTEMPT_LABEL, ROLE_LABEL } from '../../common/labels.ts';
import { ANSWERS, askEngine } from '../../engine/answers.ts';
import type { DiskUsage } from '../../engine/types.ts';
import { sendJson } from '../answer.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { parseFilters } from '../filters/query.ts';
import { healthyNodes, pruneOnNodes } from '../node-calls.ts';
import { mergeUsage } from '../views/disk-usage.ts';
import { nameStyleOf } from '../views/name-style.ts';

/** Space in use, and the part of it that can be reclaimed. */
export const diskUsageRoutes: RouteHandlers = {
  'GET /system/df': diskUsage,
  'POST /containers/prune': pruneContainers,
};

/** Engines measure what their containers wrote, file by file; one that needs longer is left out. */
const USAGE_MS = 120_000;
const TYPES: ReadonlySet<string> = new Set(['container', 'image', 'volume', 'build-cache']);

async function diskUsage(call: Call): Promise<void> {
  const { services, api, signal, search } = call;
  const types = call.query.getAll('type');
  const unknown = types.find((type) => !TYPES.has(type));
  if (unknown !== undefined)
    throw new BadRequestError(`unknown object type: ${unknown}. Use ${[...TYPES].join(', ')}`, 'BAD_TYPE');
  const outcomes = await onEach(healthyNodes(call), (node) =>
    askEngine(
      node.client,
      { method: 'GET', path: `/system/df${search}`, api, signal, timeoutMs: USAGE_MS },
      ANSWERS.usage,
    ),
  );
  const [error] = outcomes.failed.values();
  if (outcomes.done.size === 0 && error !== undefined) throw error;
  for (const [node, failure] of outcomes.failed)
    services.logger.warn({ node: node.name, reason: reasonOf(failure) }, 'a node is missing in the disk usage');
  const style = nameStyleOf(call.req.headers['user-agent']);
  const wanted = new Set(types.length > 0 ? types : TYPES);
  const usage = mergeUsage(outcomes.done as ReadonlyMap<Node, DiskUsage>, {
    cluster: services.cluster,
    wanted,
    style,
    nowMs: services.clock.now(),
  });
  sendJson(call.res, 200, `${JSON.stringify(usage)}\n`);
}

/** Labels of copies that are being made for a move, or were left behind: they are no client's to prune. */
function hiddenOf({ hidden, attemptLabel }: Node): readonly string[] {
  return [...hidden.values()].flatMap(({ summary }) => {
    const attempt = summary.Labels?.[ATTEMPT_LABEL];
    return attempt === undefined ? [] : `${attemptLabel}=${attempt}`;
  });
}

/** On each healthy node; the swarm's own containers stay, whatever state they are in. */
async function pruneContainers(call: Call): Promise<void> {
  const filters = new Map(parseFilters(call.query.get('filters')));
  const nodes = call.services.cluster.healthyNodes();
  filters.set('label!', [...(filters.get('label!') ?? []), ROLE_LABEL, ...nodes.flatMap(hiddenOf)]);
  const query = new URLSearchParams(call.query);
  query.set('filters', JSON.stringify(Object.fromEntries(filters)));
  const identities = new Map<string, string>();
  for (const node of nodes)
    for (const { engineId, id } of node.containers.values()) if (engineId !== id) identities.set(engineId, id);
  const answer = await pruneOnNodes(
    { ...call, query, search: `?${query}` },
    {
      path: '/containers/prune',
      list: 'ContainersDeleted',
      afterwards: (node) => node.refreshAllContainers(),
      shown: (id) => identities.get(id) ?? id,
      settle: (gone) => call.services.lifecycle.recorder.removed(gone),
    },
  );
  sendJson(call.res, 200, answer);
}
