import { type ApiVersion, compareApi } from '../engine/api-version.ts';
import type { EngineClient } from '../engine/client.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { isClusterNetwork } from './swarm-networks.ts';
import { EPOCH_LABEL, MARK_LABEL, type SwarmFacts, type SwarmNode } from './types.ts';

/** Bound on questions about swarm mode; an engine that thinks longer is treated as not answering. */
const ASK_MS = 5_000;
/** A manager whose leader just vanished answers only after the next election: better ask another one. */
const LIST_MS = 3_000;
/** The engine itself gives up joining after 20 s and goes on in the background. */
const JOIN_MS = 25_000;
/** Leaving and forming wait for the engine's networks to be torn down or set up. */
const CHANGE_MS = 30_000;

/** Port of the swarm's managers; not configurable so that nodes need no more than their address to find each other. */
export const SWARM_PORT = 2377;

interface SwarmInfoAnswer {
  readonly ServerVersion?: string;
  readonly Swarm?: {
    readonly NodeID?: string;
    readonly LocalNodeState?: string;
    readonly ControlAvailable?: boolean;
    readonly Error?: string;
    readonly RemoteManagers?: readonly { readonly Addr?: string }[] | null;
    readonly Cluster?: {
      readonly ID?: string;
      readonly Spec?: { readonly Labels?: Readonly<Record<string, string>> | null };
    } | null;
  };
}

interface NodeAnswer {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Role: 'manager' | 'worker' };
  readonly Description?: {
    readonly Hostname?: string;
    readonly Engine?: { readonly EngineVersion?: string; readonly Labels?: Readonly<Record<string, string>> | null };
  };
  readonly Status: { readonly State: string; readonly Addr?: string };
  readonly ManagerStatus?: {
    readonly Leader?: boolean;
    readonly Reachability?: SwarmNode['reachability'];
    readonly Addr?: string;
  } | null;
}

interface SwarmAnswer {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly JoinTokens: { readonly Worker: string };
}

/** The engine's own view of its swarm mode. */
export async function readFacts(
  client: EngineClient,
  signal: AbortSignal,
  timeoutMs: number = ASK_MS,
): Promise<SwarmFacts> {
  const request = { method: 'GET', path: '/info', signal, timeoutMs } as const;
  const { Swarm, ServerVersion } = await client.json<SwarmInfoAnswer>(request);
  const release = releaseOf(ServerVersion);
  const state = Swarm?.LocalNodeState ?? 'inactive';
  if (!Swarm || state === 'inactive') return { kind: 'none', release };
  const labels = Swarm.Cluster?.Spec?.Labels ?? {};
  return {
    kind: 'member',
    release,
    nodeId: Swarm.NodeID ?? '',
    state,
    isManager: Swarm.ControlAvailable ?? false,
    // Without a leader the engine answers an empty cluster.
    swarmId: Swarm.Cluster?.ID || undefined,
    mark: labels[MARK_LABEL],
    epoch: Number(labels[EPOCH_LABEL] ?? 0) || 0,
    managerAddresses: (Swarm.RemoteManagers ?? []).flatMap(({ Addr }) => Addr ?? []),
    error: Swarm.Error ?? '',
  };
}

/** The swarm's nodes, from a manager that sees a leader; rejects without one. */
export async function readSwarmNodes(client: EngineClient, signal: AbortSignal): Promise<SwarmNode[]> {
  const nodes = await client.json<NodeAnswer[]>({ method: 'GET', path: '/nodes', signal, timeoutMs: LIST_MS });
  return nodes.map((node) => ({
    nodeId: node.ID,
    hostname: node.Description?.Hostname ?? '',
    address: node.Status.Addr ?? '',
    role: node.Spec.Role,
    state: node.Status.State,
    reachability: node.ManagerStatus?.Reachability,
    isLeader: node.ManagerStatus?.Leader ?? false,
    managerAddress: node.ManagerStatus?.Addr,
    version: node.Version.Index,
    labels: new Map(Object.entries(node.Description?.Engine?.Labels ?? {})),
    release: releaseOf(node.Description?.Engine?.EngineVersion),
  }));
}

/** Major version in `28.5.2+dfsg4`. */
function releaseOf(version: string | undefined): number | undefined {
  const major = /^v?(\d{1,4})\./.exec(version ?? '')?.[1];
  return major === undefined ? undefined : Number(major);
}

/**
 * The swarm's networks, its own included. Managers without a leader leave out the unused ones without a word: complete is what a
 * manager lists that {@link readSwarmAge sees a leader}.
 */
export function readSwarmNetworks(client: EngineClient, signal: AbortSignal): Promise<NetworkSummary[]> {
  const path = `/networks?filters=${encodeURIComponent(JSON.stringify({ scope: ['swarm'] }))}`;
  return client.json<NetworkSummary[]>({ method: 'GET', path, signal, timeoutMs: ASK_MS });
}

/** How many networks of clients the swarm has, from a manager that sees a leader. */
export async function countNetworks(client: EngineClient, signal: AbortSignal): Promise<number> {
  return (await readSwarmNetworks(client, signal)).filter(isClusterNetwork).length;
}

/** Makes a swarm of one, marked as ours. */
export async function initSwarm(
  client: EngineClient,
  options: { readonly address: string; readonly mark: string; readonly pool: string; readonly signal: AbortSignal },
): Promise<void> {
  const body = {
    ListenAddr: `0.0.0.0:${SWARM_PORT}`,
    AdvertiseAddr: hostPort(options.address),
    DataPathAddr: options.address,
    DefaultAddrPool: [options.pool],
    SubnetSize: 24,
    Spec: { Labels: { [MARK_LABEL]: options.mark, [EPOCH_LABEL]: '0' } },
  };
  await post(client, '/swarm/init', body, CHANGE_MS, options.signal);
}

/** Joins an engine as worker. The token is read, used and forgotten here; it never reaches a message. */
export async function joinSwarm(
  client: EngineClient,
  options: {
    readonly address: string;
    readonly via: EngineClient;
    readonly managerAddresses: readonly string[];
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { JoinTokens } = await readSwarm(options.via, options.signal);
  const body = {
    ListenAddr: `0.0.0.0:${SWARM_PORT}`,
    AdvertiseAddr: hostPort(options.address),
    DataPathAddr: options.address,
    RemoteAddrs: options.managerAddresses,
    JoinToken: JoinTokens.Worker,
  };
  await post(client, '/swarm/join', body, JOIN_MS, options.signal);
}

/**
 * Whether an engine may leave a swarm while others leave it too. Older ones give the others a second for their farewell, and where that does
 * not go out in time, as when those leave as well, they keep the gossip of that swarm running until they are restarted (moby/moby#47859:
 * "Could not close DB: timeout waiting for leave broadcast", then "error in agentInit … address already in use" in their logs): in the next
 * swarm their containers reach none of another node. One after the other they seldom do.
 */
export function mayLeaveBeside({ api }: Pick<EngineClient, 'api'>): boolean {
  return compareApi(api.max, OLDEST_LEAVING_TOGETHER) >= 0;
}

/** Of Docker 28.3. */
const OLDEST_LEAVING_TOGETHER: ApiVersion = '1.51';

/** Takes an engine out of its swarm, whatever that loses. */
export async function leaveSwarm(client: EngineClient, signal: AbortSignal): Promise<void> {
  await post(client, '/swarm/leave?force=1', undefined, CHANGE_MS, signal);
}

/** Sets a node's role; the swarm brings it into effect afterwards. */
export async function setRole(
  client: EngineClient,
  nodeId: string,
  role: 'manager' | 'worker',
  signal: AbortSignal,
): Promise<void> {
  const path = `/nodes/${nodeId}`;
  const node = await client.json<{ Version: { Index: number }; Spec: object }>({
    method: 'GET',
    path,
    signal,
    timeoutMs: ASK_MS,
  });
  await post(client, `${path}/update?version=${node.Version.Index}`, { ...node.Spec, Role: role }, ASK_MS, signal);
}

/** Removes a worker that is gone; its attachments to networks end. */
export async function removeSwarmNode(client: EngineClient, nodeId: string, signal: AbortSignal): Promise<void> {
  await client.json({ method: 'DELETE', path: `/nodes/${nodeId}?force=1`, signal, timeoutMs: ASK_MS });
}

/**
 * Makes a quorum of one from a manager that lost its leader, and marks the swarm as newer than what the lost managers
 * still believe.
 */
export async function forceNewCluster(client: EngineClient, address: string, signal: AbortSignal): Promise<void> {
  const body = {
    ForceNewCluster: true,
    ListenAddr: `0.0.0.0:${SWARM_PORT}`,
    AdvertiseAddr: hostPort(address),
    DataPathAddr: address,
    Spec: {},
  };
  await post(client, '/swarm/init', body, CHANGE_MS, signal);
  const { Version, Spec } = await readSwarm(client, signal);
  const epoch = (Number(Spec.Labels?.[EPOCH_LABEL] ?? 0) || 0) + 1;
  const updated = { ...Spec, Labels: { ...Spec.Labels, [EPOCH_LABEL]: String(epoch) } };
  await post(client, `/swarm/update?version=${Version.Index}`, updated, ASK_MS, signal);
}

/** The swarm that this manager is in; undefined when it sees no leader now: only then are its listings of networks complete. */
export async function readSwarmAge(
  client: EngineClient,
  signal?: AbortSignal,
): Promise<{ readonly swarmId: string; readonly epoch: number } | undefined> {
  const answer = await client.request({ method: 'GET', path: '/swarm', signal, timeoutMs: ASK_MS });
  if (answer.statusCode !== 200) return undefined;
  const { ID, Spec } = JSON.parse(answer.body.toString()) as Partial<SwarmAnswer>;
  return { swarmId: ID ?? '', epoch: Number(Spec?.Labels?.[EPOCH_LABEL] ?? 0) || 0 };
}

function readSwarm(client: EngineClient, signal: AbortSignal): Promise<SwarmAnswer> {
  return client.json<SwarmAnswer>({ method: 'GET', path: '/swarm', signal, timeoutMs: ASK_MS });
}

async function post(
  client: EngineClient,
  path: string,
  body: object | undefined,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  await client.json({ method: 'POST', path, body: body && JSON.stringify(body), signal, timeoutMs });
}

function hostPort(address: string): string {
  return address.includes(':') ? `[${address}]:${SWARM_PORT}` : `${address}:${SWARM_PORT}`;
}
