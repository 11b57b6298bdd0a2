import type { Node } from '../cluster/node.ts';
import { type ClusterError, EngineError, NotFoundError, reasonOf } from '../common/errors.ts';
import { failureOfAll, firstAnswer, onEach } from '../common/every-node.ts';
import { ANSWERS, parseAnswer } from '../engine/answers.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import { isAnswer } from '../images/pull.ts';
import type { Call } from './call.ts';
import { parseFilters } from './filters/query.ts';
import { askNode, type ProxyOptions } from './proxy.ts';

/** Asks nodes until one answers; only for calls that may be made twice. `next` chooses among those not yet asked in vain. */
export async function askOneOf(
  call: Call,
  next: (asked: ReadonlySet<Node>) => Node | undefined,
  options: ProxyOptions,
): Promise<EngineAnswer> {
  return firstAnswer(
    next,
    (node) => askNode(call, node, options),
    (node, error) => {
      if (call.signal.aborted || isAnswer(error)) throw error;
      call.services.logger.debug({ node: node.name, reason: reasonOf(error) }, 'another node is asked');
    },
  );
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
