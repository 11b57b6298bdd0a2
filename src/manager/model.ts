import { randomBytes } from 'node:crypto';
import type { FenceOrders } from '../agent/lease-file.ts';
import { Cluster } from '../cluster/cluster.ts';
import { NodeDirectory } from '../cluster/node-directory.ts';
import { NodeMemory } from '../cluster/node-memory.ts';
import { NodeSettings } from '../cluster/node-settings.ts';
import { RevokedAgents } from '../cluster/revoked-agents.ts';
import { attemptLabelAtSite } from '../cluster/site.ts';
import { Stops } from '../cluster/stops.ts';
import { Tombstones } from '../cluster/tombstones.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { Attempts } from '../desired/attempts.ts';
import { DesiredState } from '../desired/desired-state.ts';
import { showAsRecorded } from '../desired/recorded-identities.ts';
import { RememberedContainers } from '../desired/remembered-containers.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { AgentLeases, fenceOrders, hasOldStrictCopies } from '../fencing/agent-leases.ts';
import { Accounting } from '../monitor/accounting.ts';
import { Membership } from '../monitor/membership.ts';
import type { MonitorTimes } from '../monitor/times.ts';
import type { ClusterState } from './cluster-state.ts';

export interface ModelDeps {
  /** Open; closed with the model. */
  readonly state: ClusterState;
  readonly backend: DiscoveryBackend;
  readonly connect: (entry: Entry) => Promise<Connector>;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ModelOptions {
  readonly times: MonitorTimes;
  /** See `ClusterOptions.spreadBy`. */
  readonly spreadBy?: readonly string[] | undefined;
}

/** What every manager knows of the cluster, whatever its role: what engines tell, and what is kept. */
export class ClusterModel {
  /** The cluster's lasting ID; one of this life alone when nothing durable says which cluster it is. */
  readonly id: string;
  readonly cluster: Cluster;
  readonly membership: Membership;
  readonly tombstones: Tombstones;
  readonly stops: Stops;
  /** What clients want; a container that was not created here has no record. */
  readonly desired: DesiredState;
  /** Marks of the containers that are made for the desired state. */
  readonly attempts: Attempts;
  /** Undefined when nothing is kept. */
  readonly memory: NodeMemory | undefined;
  /** The nodes as operators know them, those that left included. */
  readonly nodes: NodeDirectory;
  readonly #state: ClusterState;
  readonly #accounting: Accounting;
  /** Agents that may dial no manager. */
  readonly revokedAgents: RevokedAgents;
  #leases: AgentLeases | undefined;

  private constructor(deps: ModelDeps, options: ModelOptions, kept: Kept) {
    const { state, clock } = deps;
    this.#state = state;
    this.tombstones = kept.tombstones;
    this.stops = kept.stops;
    this.desired = kept.desired;
    this.attempts = kept.attempts;
    this.revokedAgents = kept.revokedAgents;
    const accounting = new Accounting(clock);
    this.#accounting = accounting;
    this.cluster = new Cluster({ ...deps, accounting, settings: kept.settings }, options);
    this.cluster.hide(kept.tombstones);
    this.cluster.names.heldBy = (name) => kept.desired.holderOf(name);
    showAsRecorded(this.cluster, kept.desired, kept.attempts);
    state.follow(this.cluster);
    const { notes } = state.store;
    const recollection = new RememberedContainers(kept.desired, clock);
    this.memory =
      notes &&
      new NodeMemory({ ...deps, cluster: this.cluster, records: state.store.records('nodes'), notes, recollection });
    this.nodes = new NodeDirectory({ cluster: this.cluster, settings: kept.settings, memory: this.memory });
    this.id = state.identity?.id ?? randomBytes(16).toString('hex');
    const attemptLabel = attemptLabelAtSite(kept.attempts.cluster);
    this.membership = new Membership(
      { ...deps, cluster: this.cluster, accounting, memory: this.memory, ownId: this.id, attemptLabel },
      options.times,
    );
  }

  /** A model with what is kept; it has no nodes before {@link start}. */
  static async open(deps: ModelDeps, options: ModelOptions): Promise<ClusterModel> {
    const { store } = deps.state;
    const kept = {
      tombstones: await Tombstones.open({ ...deps, records: store.records('tombstones') }),
      settings: await NodeSettings.open({ ...deps, records: store.records('node-settings') }),
      revokedAgents: await RevokedAgents.open({ ...deps, records: store.records('revoked-agents') }),
      stops: await Stops.open({ ...deps, records: store.records('stops') }),
      desired: await DesiredState.open({
        ...deps,
        records: store.records('containers'),
        bodies: store.records('container-bodies'),
      }),
      attempts: await Attempts.open(store.records('state'), deps.state.identity?.id ?? UNNAMED),
    };
    const model = new ClusterModel(deps, options, kept);
    const { cluster, desired } = model;
    const ordersOf = (nodeId: string): FenceOrders => fenceOrders(desired.index.onNode(nodeId));
    const hasOldCopies = (nodeId: string): boolean => hasOldStrictCopies(desired.index, nodeId);
    const records = store.records('agents');
    model.#leases = await AgentLeases.open({ ...deps, cluster, ordersOf, hasOldCopies, records });
    await model.memory?.start();
    return model;
  }

  /** The agents that end strict containers on nodes that are cut off. */
  get leases(): AgentLeases {
    if (!this.#leases) throw new Error('the model is not open');
    return this.#leases;
  }

  /** Begins to follow discovery and the engines it tells. */
  start(): void {
    this.membership.start();
  }

  /** Resolves when it is known what all containers reserve that were met so far, or that it cannot be known for now. */
  learnt(): Promise<void> {
    return this.#accounting.settled();
  }

  /** What a person should know, for `docker info`. */
  problems(): readonly string[] {
    const { problem } = this.membership;
    return [
      ...(problem === undefined ? [] : [`WARNING: discovery: ${problem}`]),
      ...this.#state.problems(),
      ...(this.memory?.problems() ?? []),
    ];
  }

  /** Follows no longer, writes what waits to be written, and closes the state. Idempotent. */
  async close(): Promise<void> {
    await this.membership.close();
    await this.memory?.close();
    await this.#state.close();
  }
}

/** The cluster in the marks of a manager that keeps nothing and was not told which cluster it serves. */
const UNNAMED = 'unnamed';

interface Kept {
  readonly revokedAgents: RevokedAgents;
  readonly tombstones: Tombstones;
  readonly stops: Stops;
  readonly settings: NodeSettings;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
}
