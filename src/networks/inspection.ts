import pLimit from 'p-limit';
import type { Node } from '../cluster/node.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { Shape } from '../engine/shapes/shape.ts';
import type { ContainerSummary } from '../engine/types.ts';
import { isInternalEndpoint } from '../substrate/swarm-networks.ts';
import type { KnownNetwork } from './known-network.ts';

/** Nodes asked at once, and how long one may take before the answer goes without it, in milliseconds. */
const CONCURRENCY = 64;
const NODE_MS = 5_000;

/** An endpoint in an inspection's `Containers`. */
export interface NetworkEndpoint {
  readonly Name?: string;
  readonly EndpointID?: string;
  readonly MacAddress?: string;
  readonly IPv4Address?: string;
  readonly IPv6Address?: string;
}

/** An engine's `GET /networks/{id}`; what is not named passes through. */
export interface NetworkDetails {
  readonly Id: string;
  readonly Created?: string;
  readonly Containers?: Readonly<Record<string, NetworkEndpoint>> | null;
}

export interface InspectionRequest {
  readonly network: KnownNetwork<Node>;
  readonly nodes: readonly Node[];
  /** The client's query (`?verbose=true`) or empty. */
  readonly search: string;
  readonly signal: AbortSignal;
  /** Told of nodes that do not know the network. */
  readonly onUnknown: (node: Node) => void;
}

/** One network as all its nodes describe it together. Nodes that do not answer are shown by what the model knows. */
export async function inspectOnNodes(request: InspectionRequest): Promise<{
  /** The first node's description, if any answered. */
  readonly first: NetworkDetails | undefined;
  readonly endpoints: Readonly<Record<string, NetworkEndpoint>>;
  /** What each node holds, the substrate's own endpoints included, by the node's own keys. */
  readonly held: ReadonlyMap<Node, Readonly<Record<string, NetworkEndpoint>>>;
}> {
  const { network, nodes } = request;
  const limit = pLimit(CONCURRENCY);
  const answers = await Promise.all(nodes.map((node) => limit(() => askNode(node, request))));
  request.signal.throwIfAborted();
  const endpoints: Record<string, NetworkEndpoint> = {};
  const held = new Map<Node, Readonly<Record<string, NetworkEndpoint>>>();
  for (const [index, node] of nodes.entries()) {
    const answer = answers[index];
    if (answer === 'unknown') continue;
    held.set(node, answer ? (answer.Containers ?? {}) : modelledEndpoints(network.id, node));
    const own = answer ? namedEndpoints(answer, node) : modelledEndpoints(network.id, node);
    Object.assign(endpoints, own);
  }
  const first = answers.find((answer) => typeof answer === 'object');
  return { first, endpoints, held };
}

/** Asks one engine; undefined when it does not answer. */
async function askNode(node: Node, request: InspectionRequest): Promise<NetworkDetails | 'unknown' | undefined> {
  if (!node.isHealthy) return undefined;
  const { network, signal, onUnknown, search } = request;
  // Every node has its own ID for a predefined network.
  const reference = network.kind === 'predefined' ? network.name : network.raw.Id;
  try {
    return await inspectNetwork(node.client, reference, search, signal);
  } catch (error) {
    if (!(error instanceof EngineAnswerError) || error.status !== 404) return undefined;
    onUnknown(node);
    return 'unknown';
  }
}

/** `GET /networks/{reference}` on one engine. */
export function inspectNetwork(
  client: EngineClient,
  reference: string,
  search: string,
  signal: AbortSignal,
): Promise<NetworkDetails> {
  const path = `/networks/${encodeURIComponent(reference)}${search}`;
  // Several engines' endpoints become one answer.
  const shape = ANSWERS.network as Shape<NetworkDetails>;
  return askEngine(client, { method: 'GET', path, signal, timeoutMs: NODE_MS }, shape);
}

/** An engine's endpoints under the IDs that clients know its containers by. */
function namedEndpoints({ Containers }: NetworkDetails, node: Node): Record<string, NetworkEndpoint> {
  const endpoints: Record<string, NetworkEndpoint> = {};
  for (const [engineId, endpoint] of Object.entries(Containers ?? {})) {
    if (!isInternalEndpoint(engineId)) endpoints[node.containers.get(engineId)?.id ?? engineId] = endpoint;
  }
  return endpoints;
}

/** The endpoints of a node that does not answer, from its containers' last known list entries. */
function modelledEndpoints(networkId: string, node: Node): Record<string, NetworkEndpoint> {
  type Endpoint = NonNullable<NonNullable<ContainerSummary['NetworkSettings']>['Networks']>[string] & {
    readonly MacAddress?: string;
    readonly IPPrefixLen?: number;
  };
  const endpoints: Record<string, NetworkEndpoint> = {};
  for (const container of node.containers.values()) {
    if (container.state !== 'running') continue;
    for (const endpoint of Object.values(container.entry().NetworkSettings?.Networks ?? {}) as Endpoint[]) {
      if (endpoint.NetworkID !== networkId) continue;
      endpoints[container.id] = {
        Name: container.name,
        EndpointID: endpoint.EndpointID ?? '',
        MacAddress: endpoint.MacAddress ?? '',
        IPv4Address: endpoint.IPAddress ? `${endpoint.IPAddress}/${endpoint.IPPrefixLen ?? 24}` : '',
        IPv6Address: '',
      };
    }
  }
  return endpoints;
}
