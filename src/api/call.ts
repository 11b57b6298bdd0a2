import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Drain } from '../availability/drain.ts';
import type { Drills } from '../availability/drills.ts';
import type { Explainer } from '../availability/explain.ts';
import type { Failover } from '../availability/failover.ts';
import type { PlanRuns } from '../availability/plan-runs.ts';
import type { Planning } from '../availability/planning.ts';
import type { CheapestPlanner } from '../cheapest/planner.ts';
import type { BillFactsReader } from '../cluster/bill-facts.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeDirectory } from '../cluster/node-directory.ts';
import type { RevokedAgents } from '../cluster/revoked-agents.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import type { AgentLeases } from '../fencing/agent-leases.ts';
import type { FenceSwitch } from '../fencing/fence-switch.ts';
import type { ImageService } from '../images/image-service.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { NetworkService } from '../networks/network-service.ts';
import type { Prices } from '../prices/prices.ts';
import type { PrimaryRoute } from '../replication/primary-route.ts';
import type { Sampler } from '../stats/sampler.ts';
import type { SubstrateSight } from '../substrate/types.ts';
import type { VolumeService } from '../volumes/volume-service.ts';
import type { EventHub } from './events/event-hub.ts';
import type { ExecRegistry } from './exec-registry.ts';
import type { Route, RouteKey } from './operations.ts';
import type { PageDoor, PagePlans } from './page-door.ts';
import type { RefreshFilters } from './refresh-filters.ts';
import type { RequestInput } from './request-input.ts';
import type { Sequels } from './streams/sequels.ts';
import type { ContainerListView } from './views/container-list.ts';
import type { ImageListView } from './views/image-list.ts';
import type { InfoView } from './views/info.ts';

/** What a manager sees of the cluster and of what cluster networks stand on. */
export interface QuorumSight {
  sight(signal: AbortSignal): Promise<SubstrateSight>;
}

/** What handlers work with; wired once, where the manager starts. */
export interface Services {
  readonly cluster: Cluster;
  readonly containerList: ContainerListView;
  readonly lifecycle: ContainerLifecycle;
  /** What becomes of streams whose containers are moved. */
  readonly sequels: Sequels;
  readonly execs: ExecRegistry;
  readonly events: EventHub;
  readonly info: InfoView;
  readonly images: ImageService;
  readonly imageList: ImageListView;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  /** While the nodes are being reached for the first time a promise of the end of that, some seconds at most; else undefined. */
  readonly settling?: () => Promise<void> | undefined;
  readonly nodes: NodeDirectory;
  /** What brings containers back when nodes are lost. */
  readonly failover: Failover;
  /** What nodes and containers use; undefined when no samples are taken. */
  readonly stats?: Sampler | undefined;
  /** The page in a browser; undefined when this manager serves none. */
  readonly page?: PageDoor | undefined;
  /** What pages of other managers ask this one for. */
  readonly pagePlans: () => Promise<PagePlans>;
  /** What this manager sees of the substrate. */
  readonly quorum: QuorumSight;
  /** Agents on nodes. */
  readonly leases: Pick<AgentLeases, 'renew' | 'forget'>;
  readonly fenceSwitch: Pick<FenceSwitch, 'set'>;
  /** Whether containers that mount their engine's socket are given the cluster's. */
  readonly givesClusterSocket: boolean;
  /** Agents that dialled this manager. */
  readonly dialled: DialledAgents;
  /** The encrypted network between nodes. */
  readonly mesh: Pick<Mesh, 'status' | 'remove'>;
  /** Agents that may dial no manager. */
  readonly revokedAgents: RevokedAgents;
  readonly planning: Planning;
  /** Plans that people accepted. */
  readonly runs: Pick<PlanRuns, 'accept' | 'list' | 'get' | 'end'>;
  readonly drills: Drills;
  readonly drain: Pick<Drain, 'stayOf'>;
  readonly explainer: Explainer;
  /** What nodes cost. */
  readonly prices: Prices;
  readonly billFacts: BillFactsReader;
  /** The way to the primary among several managers; undefined when this is the only one. */
  readonly toPrimary?: PrimaryRoute | undefined;
  /** Where the cluster would cost least. */
  readonly cheapest: CheapestPlanner;
  readonly logger: Logger;
  readonly clock: Clock;
  /** When a listing of containers asks engines first. */
  readonly refresh: RefreshFilters;
  /** The newest API version the cluster offers now; sent with every answer, assumed when a client names none. */
  advertisedApi(): ApiVersion;
}

/**
 * Answers one call. It resolves when the answer is complete or given up; what it throws becomes Docker's
 * `{"message": …}` if nothing was sent yet, else the connection is cut so that the client notices.
 *
 * An area registers its handlers under the keys of the table in operations.ts, and handlers.ts lists the areas:
 * `export const volumeRoutes: RouteHandlers = { 'GET /volumes': listVolumes, … }`.
 */
export type Handler = (call: Call) => Promise<void>;
export type RouteHandlers = Readonly<Partial<Record<RouteKey, Handler>>>;

/** One request of a client, matched to its route. */
export interface Call {
  /** Read bodies through body.ts (bounds, `Expect: 100-continue`) or upload.ts, not directly. */
  readonly req: IncomingMessage;
  /** Carries the headers of every answer already (`Api-Version`, `Server`, …). answer.ts has the usual ways to answer. */
  readonly res: ServerResponse;
  readonly route: Route;
  /** Path parameters, percent-decoded. {@link param} reads one that the route declares. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** The query as the client wrote it, with its `?`; empty without one. */
  readonly search: string;
  /** The path without version and query, as the client wrote it. */
  readonly path: string;
  /** The API version the client asked for, else the advertised one. Clamp per engine (EngineClient does). */
  readonly api: ApiVersion;
  /** Aborted when the client leaves before its answer is complete, or the manager shuts down. */
  readonly signal: AbortSignal;
  readonly services: Services;
  /** Present when the client asked to upgrade a call that can be: hijack.ts uses it. */
  readonly upgrade: UpgradeRequest | undefined;
}

/** A client's request to leave HTTP. */
export interface UpgradeRequest {
  /** `tcp`, `websocket` or `h2c`. */
  readonly protocol: string;
  readonly input: RequestInput;
}

/** A path parameter that the call's route declares. */
export function param(call: Call, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new TypeError(`route ${call.route.path} has no parameter ${name}`);
  return value;
}
