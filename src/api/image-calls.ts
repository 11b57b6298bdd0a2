import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { type ClusterError, EngineError, reasonOf } from '../common/errors.ts';
import type { EngineAnswer } from '../engine/client.ts';
import { noSuchImage } from '../images/distribution.ts';
import { holdersOf } from '../images/names.ts';
import { isAnswer } from '../images/pull.ts';
import type { Call } from './call.ts';
import { askNode, type ProxyOptions } from './proxy.ts';

/** The image a reference means. Throws 404, also when only unreachable nodes have it. */
export async function imageOf({ services }: Call, reference: string): Promise<ImageRecord> {
  const { images } = services.cluster;
  // BuildKit writes images in a session nobody reads here: its node is asked before an image is called unknown.
  const builder = services.images.lastBuilder;
  if (!images.find(reference) && builder?.isHealthy) await builder.refreshImages();
  const record = images.find(reference);
  if (!record) throw noSuchImage(reference);
  if (holdersOf(record).length > 0) return record;
  const names = [...record.holders.keys()].map((node) => node.name).join(', ');
  throw noSuchImage(reference, ` (only on ${names}, not reachable now)`);
}

/** Asks the nodes in turn until one answers; only for calls that may be made twice. */
export async function askOneOf(call: Call, nodes: readonly Node[], options: ProxyOptions): Promise<EngineAnswer> {
  let lost: unknown;
  for (const node of nodes) {
    try {
      return await askNode(call, node, options);
    } catch (error) {
      if (call.signal.aborted || isAnswer(error)) throw error;
      call.services.logger.debug({ node: node.name, reason: reasonOf(error) }, 'another node is asked');
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
