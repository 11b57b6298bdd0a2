import type { Node } from '../cluster/node.ts';
import { type ClusterError, EngineError, NotFoundError, reasonOf } from '../common/errors.ts';
import { firstAnswer } from '../common/every-node.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { type PruneList, type PruneRequest, pruneEngines } from '../engine/prune.ts';
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
export interface Prune extends Pick<PruneRequest<Node>, 'path' | 'list' | 'afterwards'> {
  /** What clients know by an ID in the list. */
  readonly shown?: (id: string) => string;
  /** Called with what went, before the client hears of it. */
  readonly settle?: (gone: readonly string[]) => Promise<void>;
}

/** Prunes on every healthy node, or on those our own filter `node` names; the answer adds up the engines' reports. */
export async function pruneOnNodes(
  call: Call,
  { path, list, afterwards, shown = String, settle }: Prune,
): Promise<string> {
  const { nodes, search } = prunedNodes(call);
  const { api, signal } = call;
  const then = afterwards && { afterwards };
  const request = { path: path + search, list, api, signal, timeoutMs: 0, ...then };
  const { gone, spaceBytes } = await pruneEngines(nodes, request);
  await settle?.(gone.filter((item) => typeof item === 'string'));
  return pruneText(
    list,
    gone.map((item) => (typeof item === 'string' ? shown(item) : item)),
    spaceBytes,
  );
}

/** Body of the answer to a prune. */
export function pruneText(list: PruneList, gone: readonly (string | object)[], spaceBytes: number): string {
  return `${JSON.stringify({ [list]: gone, SpaceReclaimed: spaceBytes })}\n`;
}

/** The nodes to prune, which our own filter `node` may name, and the query for their engines, without it. */
export function prunedNodes(call: Call): { readonly nodes: readonly Node[]; readonly search: string } {
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
