import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { type ClusterError, EngineError, NotFoundError, reasonOf } from '../common/errors.ts';
import { failureOfAll, onEach } from '../common/every-node.ts';
import { ANSWERS, parseAnswer } from '../engine/answers.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import { noSuchImage } from '../images/distribution.ts';
import { spokesmanOf } from '../images/holders.ts';
import { isAnswer } from '../images/pull.ts';
import type { Call } from './call.ts';
import { parseFilters } from './filters/query.ts';
import { askNode, type ProxyOptions } from './proxy.ts';

/** The image a reference means. Throws 404, also when only unreachable nodes have it. */
export async function imageOf({ services }: Call, reference: string): Promise<ImageRecord> {
  const { images } = services.cluster;
  await services.images.sessions.settle();
  // Not every engine tells of images that BuildKit wrote: the builder is asked before one is called unknown.
  const builder = services.images.lastBuilder;
  if (!images.find(reference) && builder?.isHealthy) await builder.refreshImages();
  const record = images.find(reference);
  if (!record) throw noSuchImage(reference);
  if (spokesmanOf(record, new Set())) return record;
  const names = [...record.holders.keys()].map((node) => node.name).join(', ');
  throw noSuchImage(reference, ` (only on ${names}, not reachable now)`);
}

/** Asks nodes until one answers; only for calls that may be made twice. `next` chooses among those not yet asked in vain. */
export async function askOneOf(
  call: Call,
  next: (asked: ReadonlySet<Node>) => Node | undefined,
  options: ProxyOptions,
): Promise<EngineAnswer> {
  const asked = new Set<Node>();
  let lost: unknown;
  for (let node = next(asked); node; node = next(asked)) {
    try {
      return await askNode(call, node, options);
    } catch (error) {
      if (call.signal.aborted || isAnswer(error)) throw error;
      call.services.logger.debug({ node: node.name, reason: reasonOf(error) }, 'another node is asked');
      asked.add(node);
      lost = error;
    }
  }
  throw lost ?? noHealthyNode();
}

/** The nodes that can be asked now. Throws when there is none. */
export function healthyNodes({ services }: Call): readonly Node[] {
  const nodes = services.cluster.healthyNodes();
  if (nodes.length === 0) throw noHealthyNode();
  return nodes;
}

function noHealthyNode(): ClusterError {
  return new EngineError('No healthy node available in the cluster', 'NO_HEALTHY_NODE', undefined, 500);
}

/**
 * After a write on one node: lists its images and makes the names it gave the cluster's. Never rejects, because the
 * write is done; the monitor lists the node again by itself.
 */
export async function settleTags({ services }: Call, node: Node, references: readonly string[]): Promise<void> {
  try {
    await node.refreshImages();
    for (const reference of new Set(references)) await services.images.tags.settle(node, reference);
  } catch (error) {
    services.logger.warn({ node: node.name, reason: reasonOf(error) }, 'listing images after a write failed');
  }
}

/** A prune of some kind: what the engines are asked and which member of their reports lists what went. */
export interface Prune {
  readonly path: string;
  readonly list: 'ImagesDeleted' | 'CachesDeleted' | 'ContainersDeleted';
  readonly afterwards?: (node: Node) => Promise<void>;
  /** What clients know by an ID in the list. */
  readonly shown?: (id: string) => string;
}

type Report = {
  readonly [list in Prune['list']]?: readonly (string | object)[] | null;
} & { readonly SpaceReclaimed?: number | null };

/** Prunes on every healthy node, or on those our own filter `node` names; the answer adds up the engines' reports. */
export async function pruneOnNodes(call: Call, { path, list, afterwards, shown = String }: Prune): Promise<string> {
  const { nodes, search } = narrowed(call);
  const outcomes = await onEach(nodes, async (node) => {
    const answer = await askNode(call, node, { path: path + search, body: '', timeoutMs: 0 });
    if (answer.statusCode >= 300) throw new EngineAnswerError(messageOf(answer.body), answer.statusCode);
    await afterwards?.(node);
    return parseAnswer<Report>(answer.body, list === 'ImagesDeleted' ? ANSWERS.imageReport : ANSWERS.pruneReport, path);
  });
  const failure = failureOfAll(outcomes, 'What is not used was removed');
  if (failure) throw failure;
  const gone = new Set<string>();
  let space = 0;
  for (const report of outcomes.done.values()) {
    for (const item of report[list] ?? []) gone.add(JSON.stringify(typeof item === 'string' ? shown(item) : item));
    space += report.SpaceReclaimed ?? 0;
  }
  return `{"${list}":[${[...gone].join(',')}],"SpaceReclaimed":${space}}\n`;
}

/** Takes our own filter `node` out of the query: the nodes it leaves, and what the engines are asked. */
function narrowed(call: Call): { readonly nodes: readonly Node[]; readonly search: string } {
  const filters = new Map(parseFilters(call.query.get('filters')));
  const names = filters.get('node');
  if (!names) return { nodes: healthyNodes(call), search: call.search };
  filters.delete('node');
  const nodes = healthyNodes(call).filter(({ name, id }) => names.includes(name) || names.includes(id));
  if (nodes.length === 0) throw new NotFoundError(`No such healthy node: ${names.join(', ')}`, 'NO_SUCH_NODE');
  const query = new URLSearchParams(call.query);
  query.set('filters', JSON.stringify(Object.fromEntries(filters)));
  return { nodes, search: `?${query}` };
}
