import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { EngineClient } from '../engine/client.ts';
import type { ContainerSummary, NetworkSummary } from '../engine/types.ts';
import { leaveSwarm, mayLeaveBeside, readFacts, readSwarmNodes, setRole } from './swarm-api.ts';
import { isClusterNetwork, isClusterNetworkId } from './swarm-networks.ts';
import type { SwarmFacts, SwarmNode } from './types.ts';

/** An engine that is asked to leave. */
export interface DepartingEngine {
  /** Its discovery entry. */
  readonly entry: string;
  readonly client: EngineClient;
}

/** How an engine stands to the cluster's substrate. */
export type DepartureStanding =
  | { readonly kind: 'member'; readonly nodeId: string; readonly role: 'worker' | 'manager' | 'leader' }
  /** Not in swarm mode. */
  | { readonly kind: 'free' }
  /** In a swarm that is not known as this cluster's. */
  | { readonly kind: 'other'; readonly why: string }
  | { readonly kind: 'unreachable'; readonly why: string };

/** One engine as it was found. */
export interface SurveyedEngine {
  readonly entry: string;
  /** The engine's host name; the entry of one that does not answer. */
  readonly name: string;
  readonly client: EngineClient;
  readonly standing: DepartureStanding;
  /** Containers that are attached to cluster networks, and whether they run. */
  readonly attached: readonly { readonly name: string; readonly isRunning: boolean }[];
}

/** What was found before anything is done. */
export interface Survey {
  readonly engines: readonly SurveyedEngine[];
  /** Names of cluster networks, which end with the substrate. */
  readonly networks: readonly string[];
  /** Names of services that were made on the substrate by hand, which end with it. */
  readonly services: readonly string[];
  /** Host names of nodes of the substrate that run and are not among the engines. */
  readonly staying: readonly string[];
}

/** The cluster's identity: the marks on its swarms, and nodes it remembers. */
export interface DepartureIdentity {
  readonly marks: ReadonlySet<string>;
  /** Swarm node IDs of the cluster's own substrate. */
  readonly nodeIds: ReadonlySet<string>;
}

const ASK_MS = 10_000;
const AT_ONCE = 16;
/** How long a manager may take to become a worker, which keeps the others' quorum. */
const DEMOTION_MS = 20_000;
const LOOK_MS = 250;

interface Seen {
  readonly engine: DepartingEngine;
  readonly name: string;
  readonly facts: SwarmFacts;
  readonly failure?: string;
}

/** Asks every engine how it stands to the substrate and what it would lose. Changes nothing. */
export async function surveyDeparture(
  engines: readonly DepartingEngine[],
  identity: DepartureIdentity,
  signal: AbortSignal,
): Promise<Survey> {
  const limit = pLimit(AT_ONCE);
  const seen = await Promise.all(engines.map((engine) => limit(() => look(engine, signal))));
  const managers = seen.filter(({ facts }) => isOurManager(facts, identity));
  const nodes = (await Promise.all(managers.map(({ engine }) => listNodes(engine.client, signal)))).flat();
  const byId = new Map(nodes.map((node) => [node.nodeId, node]));
  const leader = managers[0]?.engine.client;
  const networks = leader === undefined ? [] : await clusterNetworks(leader, signal);
  const surveyed = await Promise.all(
    seen.map((each) => {
      const standing = standingOf(each, byId, identity);
      return limit(() => withLosses(each, standing, new Set(networks), signal));
    }),
  );
  const ours = new Set(surveyed.flatMap(({ standing }) => (standing.kind === 'member' ? standing.nodeId : [])));
  return {
    engines: surveyed,
    networks,
    services: leader === undefined ? [] : await services(leader, signal),
    staying: [...byId.values()]
      .filter(({ nodeId, state }) => !ours.has(nodeId) && state !== 'down')
      .map(({ hostname, address }) => hostname || address),
  };
}

/** Progress of {@link depart}: one engine has left, or why it did not. */
export type DepartureReport = (engine: SurveyedEngine, failure: string | undefined) => void;

export interface DepartureRequest {
  readonly clock: Clock;
  readonly report: DepartureReport;
  readonly signal: AbortSignal;
}

/**
 * Lets the members leave: workers first, then managers, each made a worker before so that the others keep their quorum, the
 * leader last. Goes on after a failure. Resolves to whether all left.
 */
export async function depart({ engines }: Survey, { clock, report, signal }: DepartureRequest): Promise<boolean> {
  const members = engines.filter(({ standing }) => standing.kind === 'member');
  const withRole = (role: string): readonly SurveyedEngine[] =>
    members.filter(({ standing }) => standing.kind === 'member' && standing.role === role);
  const leader = withRole('leader')[0];
  const limit = pLimit(AT_ONCE);
  const workers = withRole('worker');
  const beside = workers.filter(({ client }) => mayLeaveBeside(client));
  const results = await Promise.all(beside.map((each) => limit(() => leave(each, report, signal))));
  for (const worker of workers) if (!beside.includes(worker)) results.push(await leave(worker, report, signal));
  for (const manager of withRole('manager')) {
    if (leader) await demote(manager, leader.client, clock, signal);
    results.push(await leave(manager, report, signal));
  }
  if (leader) results.push(await leave(leader, report, signal));
  return results.every((hasLeft) => hasLeft);
}

async function look(engine: DepartingEngine, signal: AbortSignal): Promise<Seen> {
  const { client, entry } = engine;
  try {
    const info = await client.json<{ readonly Name?: unknown }>({
      method: 'GET',
      path: '/info',
      isUnversioned: true,
      signal,
      timeoutMs: ASK_MS,
    });
    return { engine, name: String(info.Name ?? entry), facts: await readFacts(client, signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { engine, name: entry, facts: { kind: 'unknown' }, failure: reasonOf(error) };
  }
}

function isOurManager(facts: SwarmFacts, { marks }: DepartureIdentity): boolean {
  return facts.kind === 'member' && facts.isManager && facts.mark !== undefined && marks.has(facts.mark);
}

/** Empty without a leader. */
async function listNodes(client: EngineClient, signal: AbortSignal): Promise<readonly SwarmNode[]> {
  return await readSwarmNodes(client, signal).catch(() => {
    signal.throwIfAborted();
    return [];
  });
}

function standingOf(
  { facts, failure }: Seen,
  nodes: ReadonlyMap<string, SwarmNode>,
  identity: DepartureIdentity,
): DepartureStanding {
  if (failure !== undefined || facts.kind === 'unknown') return { kind: 'unreachable', why: failure ?? 'no answer' };
  if (facts.kind === 'none') return { kind: 'free' };
  const { nodeId, isManager, mark } = facts;
  const listed = nodes.get(nodeId);
  if (isOurManager(facts, identity) || listed || (mark === undefined && identity.nodeIds.has(nodeId))) {
    return { kind: 'member', nodeId, role: !isManager ? 'worker' : listed?.isLeader ? 'leader' : 'manager' };
  }
  if (mark !== undefined) return { kind: 'other', why: `its swarm is that of cluster ${mark}` };
  const what = isManager ? 'it manages a swarm' : 'it is a worker of a swarm';
  return { kind: 'other', why: `${what} not known as this cluster's` };
}

async function withLosses(
  { engine, name }: Seen,
  standing: DepartureStanding,
  networks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SurveyedEngine> {
  const { client, entry } = engine;
  const attached = standing.kind === 'member' ? await attachedContainers(client, networks, signal) : [];
  return { entry, name, client, standing, attached };
}

/** Those on cluster networks, by the network's ID; one that does not run has none in the engine's list, but its name. */
async function attachedContainers(
  client: EngineClient,
  networks: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<SurveyedEngine['attached']> {
  const path = '/containers/json?all=1';
  const listed = await client.json<ContainerSummary[]>({ method: 'GET', path, signal, timeoutMs: ASK_MS });
  return listed.flatMap(({ Id, Names, State, NetworkSettings }) => {
    const endpoints = Object.entries(NetworkSettings?.Networks ?? {});
    if (!endpoints.some(([name, { NetworkID }]) => (NetworkID ? isClusterNetworkId(NetworkID) : networks.has(name))))
      return [];
    const name = (Names?.[0] ?? Id.slice(0, 12)).replace(/^\//, '');
    return [{ name, isRunning: State === 'running' }];
  });
}

async function clusterNetworks(client: EngineClient, signal: AbortSignal): Promise<readonly string[]> {
  const listed = await client.json<NetworkSummary[]>({ method: 'GET', path: '/networks', signal, timeoutMs: ASK_MS });
  return listed.filter(isClusterNetwork).map(({ Name }) => Name);
}

async function services(client: EngineClient, signal: AbortSignal): Promise<readonly string[]> {
  type Service = { readonly Spec?: { readonly Name?: string } };
  // Without a leader the manager does not know them.
  const listed = await client
    .json<Service[]>({ method: 'GET', path: '/services', signal, timeoutMs: ASK_MS })
    .catch(() => []);
  return listed.flatMap(({ Spec }) => Spec?.Name ?? []);
}

async function demote(
  { standing, client }: SurveyedEngine,
  leader: EngineClient,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (standing.kind !== 'member') return;
  const deadline = clock.now() + DEMOTION_MS;
  try {
    await setRole(leader, standing.nodeId, 'worker', signal);
    await retry(clock, () => readFacts(client, signal), {
      until: (facts) => facts.kind !== 'member' || !facts.isManager,
      passes: () => false,
      backoff: LOOK_MS,
      deadline,
      signal,
    });
  } catch {
    // It leaves as a manager then, which the engine allows by force.
    signal.throwIfAborted();
  }
}

async function leave(engine: SurveyedEngine, report: DepartureReport, signal: AbortSignal): Promise<boolean> {
  try {
    await leaveSwarm(engine.client, signal);
    report(engine, undefined);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    // It had left already, as another call or person wanted.
    const isFree = /not part of a swarm/.test(reasonOf(error));
    report(engine, isFree ? undefined : reasonOf(error));
    return isFree;
  }
}

/** Throws one clear line when leaving would strand engines that were not named or do not answer. */
export function assertWhole({ engines, staying }: Survey): void {
  const silent = engines.filter(({ standing }) => standing.kind === 'unreachable');
  if (silent.length > 0)
    throw refused(
      `${silent.map(({ name, standing }) => `${name} does not answer (${'why' in standing ? standing.why : ''})`).join('; ')}: nothing was done. Bring ${silent.length === 1 ? 'it' : 'them'} back, or let the others leave with --force`,
    );
  if (staying.length > 0)
    throw refused(
      `${staying.join(', ')} would stay in the swarm without the others: nothing was done. Name all engines of the cluster, or go on with --force`,
    );
}

function refused(message: string): ClusterError {
  return new ClusterError(message, { code: 'NOT_WHOLE', status: 409 });
}
