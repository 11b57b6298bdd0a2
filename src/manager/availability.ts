import type { BrakeForecast } from '../availability/brake-forecast.ts';
import { Drain } from '../availability/drain.ts';
import { Drills } from '../availability/drills.ts';
import { Explainer } from '../availability/explain.ts';
import { type DepartedNode, Failover, type FailoverDeps } from '../availability/failover.ts';
import { KnownHealthy } from '../availability/known-healthy.ts';
import { LeavingNodes } from '../availability/leaving-nodes.ts';
import { PlanRuns } from '../availability/plan-runs.ts';
import { Planning } from '../availability/planning.ts';
import { VolumeSizes } from '../availability/volume-sizes.ts';
import { TcpWitness, type Witness } from '../availability/witness.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { NetworkService } from '../networks/network-service.ts';
import type { Notice } from '../notify/notice.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { StateStore } from '../store/state-store.ts';
import type { VolumeService } from '../volumes/volume-service.ts';
import type { ClusterModel } from './model.ts';

/** What becomes of the containers of lost nodes. */
export interface RescheduleOptions {
  /** For containers that say nothing themselves. */
  readonly policy: MovePolicy;
  /** How long a node is unhealthy before it counts as lost, in milliseconds. */
  readonly graceMs: number;
  /** A server that a manager which is not cut off reaches. */
  readonly witness?: { readonly host: string; readonly port: number } | undefined;
}

export const DEFAULT_RESCHEDULE: RescheduleOptions = { policy: 'auto', graceMs: 1_000 };

export interface AvailabilityDeps {
  readonly model: ClusterModel;
  readonly store: StateStore;
  readonly lifecycle: ContainerLifecycle;
  readonly placer: Placer<Node>;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly tell: (notice: Notice) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What moves containers by itself; not started. */
export interface Availability {
  readonly known: KnownHealthy;
  readonly witness: Witness | undefined;
  readonly planning: Planning;
  readonly sizes: VolumeSizes;
  /** Plans that people accepted. */
  readonly runs: PlanRuns;
  readonly failover: Failover;
  readonly drain: Drain;
  readonly drills: Drills;
  readonly explainer: Explainer;
}

export async function openAvailability(deps: AvailabilityDeps, options: RescheduleOptions): Promise<Availability> {
  const { model, store, clock, logger } = deps;
  const { cluster, desired, leases } = model;
  const records = store.records('healthy-nodes');
  const known = await KnownHealthy.open({
    cluster,
    records,
    clock,
    logger,
    hasLeftLost: (nodeId) => model.memory?.seen.hasLeftLost(nodeId) === true,
  });
  const witness = options.witness && new TcpWitness(options.witness, clock);
  const sizes = new VolumeSizes({ cluster, logger });
  const planning = new Planning({ ...deps, cluster, desired, leases, sizes }, options.policy);
  const plan: FailoverDeps['plan'] = (nodes, due) => planning.failover(nodes, due);
  const failover = new Failover(
    { ...deps, cluster, desired, known, witness, plan, departed: departedFrom(model) },
    options,
  );
  model.memory?.follow({ noted: () => undefined, forgetNode: async (nodeId) => known.forget([nodeId]) });
  const shared = { ...deps, cluster, desired, leases, planning };
  const forecast = (lost: ReadonlySet<string>): BrakeForecast => failover.brake.forecast(lost);
  return {
    known,
    witness,
    planning,
    sizes,
    runs: await PlanRuns.open({
      ...deps,
      cluster,
      desired,
      sizes,
      leaving: new LeavingNodes({ ...deps, cluster, desired, nodes: model.nodes }),
      records: store.records('plans'),
    }),
    failover,
    drain: new Drain(shared),
    drills: new Drills({ cluster, membership: model.membership, forecast, clock, logger }),
    explainer: new Explainer({ ...shared, forecast }),
  };
}

/** Only once discovery has told which nodes there are. */
function departedFrom({ cluster, desired, membership, memory }: ClusterModel): () => readonly DepartedNode[] {
  return () => {
    if (!memory || membership.settling) return [];
    const gone = [...desired.index.nodeIds()].filter(
      (id) => !cluster.node(id) && memory.seen.isLost(id) && desired.index.onNode(id).some(isToRun),
    );
    return gone.map((id) => ({ id, name: memory.seen.nameOf(id) }));
  };
}

function isToRun({ wanted, ended }: ContainerRecord): boolean {
  return !ended && (wanted === 'running' || wanted === 'paused');
}
