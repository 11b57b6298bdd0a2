import type { Duplex } from 'node:stream';
import { ImageSpares } from '../availability/image-spares.ts';
import { hindranceOf } from '../availability/movability.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import type { Logger } from '../common/logger.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import type { FenceSwitch } from '../fencing/fence-switch.ts';
import { ImageService } from '../images/image-service.ts';
import { Adoption } from '../lifecycle/adoption.ts';
import { Endings } from '../lifecycle/endings.ts';
import { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import { ObservedChanges } from '../lifecycle/observed-changes.ts';
import { OpenCreates } from '../lifecycle/open-creates.ts';
import { Undertaker } from '../lifecycle/undertaker.ts';
import type { Mesh } from '../mesh/mesh.ts';
import type { NetworkService } from '../networks/network-service.ts';
import type { Notice } from '../notify/notice.ts';
import { Notifier } from '../notify/notifier.ts';
import type { Target } from '../notify/target.ts';
import { Publisher, type PublishOptions } from '../publish/publisher.ts';
import { ownHost } from '../relay/own-host.ts';
import { type DecisionTally, Placer } from '../scheduler/placer.ts';
import type { SchedulerOptions } from '../scheduler/scheduler.ts';
import type { SubstrateStatus } from '../substrate/status-board.ts';
import type { VolumeService } from '../volumes/volume-service.ts';
import { type Availability, DEFAULT_RESCHEDULE, openAvailability, type RescheduleOptions } from './availability.ts';
import type { ClusterOptions } from './cluster-options.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Duty } from './duties.ts';
import { openFences } from './fences.ts';
import { leaveMesh } from './mesh-nodes.ts';
import type { ClusterModel } from './model.ts';
import { openNetworking } from './networking.ts';
import { PUBLISH_AT_NODES } from './publishing.ts';
import { QuorumQuestion } from './quorum-question.ts';

export interface ServicesDeps {
  readonly model: ClusterModel;
  readonly state: ClusterState;
  readonly mesh: Mesh;
  /** Agents that dial this manager. */
  readonly dialled: DialledAgents;
  /** Connects to this manager's own API; undefined where containers do not reach it. */
  readonly connectApi: (() => Promise<Duplex>) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ServicesOptions {
  readonly scheduler: SchedulerOptions;
  readonly clusterOptions: ClusterOptions;
  /** Default: {@link DEFAULT_RESCHEDULE}. */
  readonly reschedule?: RescheduleOptions | undefined;
  /** Default: nobody is told. */
  readonly notify?: readonly Target[] | undefined;
  /** Default: at nodes alone, unless a container's label says otherwise. */
  readonly publish?: PublishOptions | undefined;
}

/** What clients' calls are answered by beyond the model. */
export interface Services {
  readonly images: ImageService;
  readonly networks: NetworkService;
  readonly volumes: VolumeService;
  readonly lifecycle: ContainerLifecycle;
  readonly availability: Availability;
  readonly quorum: QuorumQuestion;
  readonly fenceSwitch: FenceSwitch;
  /** What operators are told of. */
  readonly notices: Pick<Emitter<Notice>, 'subscribe'>;
  /** What opens published ports at the manager's own address; not started. */
  readonly publisher: Publisher;
  readonly placer: Placer<Node>;
  readonly decisions: DecisionTally;
  readonly substrateStatus: () => SubstrateStatus;
  /** What only the primary does; not started. */
  readonly duties: readonly Duty[];
  /** What a person should know, for `docker info`. */
  problems(): readonly string[];
  /** Idempotent. The duties have stopped before. */
  close(): Promise<void>;
}

/** The services over a model; nothing is started. */
export async function openServices(deps: ServicesDeps, options: ServicesOptions): Promise<Services> {
  const { model, state, mesh, dialled, connectApi, clock, logger } = deps;
  const { cluster, tombstones, stops, desired, attempts } = model;
  const placer = new Placer(cluster, options.scheduler);
  const images = new ImageService({ cluster, placer, logger }, { pull: options.clusterOptions.pull });
  const { store, identity } = state;
  let quorum: QuorumQuestion | undefined;
  // Nothing is asked before the substrate is started.
  const objection = async (signal: AbortSignal): Promise<string | undefined> => quorum?.objection(signal);
  const networking = await openNetworking(
    { model, mesh, placer, store, identity, objection, clock, logger },
    options.clusterOptions,
  );
  const { networks, volumes } = networking;
  const notifier = new Notifier({ targets: options.notify ?? [], clock, logger }, { cluster: identity?.id });
  const notices = new Emitter<Notice>((error) => logger.error({ err: error }, 'a listener of notices failed'));
  const tell = (notice: Notice): void => notices.emit(notice);
  notices.subscribe((notice) => notifier.tell(notice));
  const publisher = new Publisher(
    { cluster, agents: dialled, connectApi, tell, isOwnHost: ownHost(clock), clock, logger },
    options.publish ?? PUBLISH_AT_NODES,
  );
  const lifecycle = new ContainerLifecycle(
    {
      cluster,
      placer,
      images,
      networks,
      volumes,
      tombstones,
      stops,
      desired,
      attempts,
      fences: model.leases,
      endpoint: publisher,
      socketRefusals: () => publisher.everywhere.socketRefusals(cluster.nodes),
      memory: model.memory,
      clock,
      logger,
    },
    { createRetries: options.clusterOptions.createRetries },
  );
  const reschedule = options.reschedule ?? DEFAULT_RESCHEDULE;
  const availability = await openAvailability(
    { model, store, lifecycle, placer, networks, volumes, tell, clock, logger },
    reschedule,
  );
  quorum = new QuorumQuestion({ ...availability, seesLeader: networking.seesLeader });
  const spares = new ImageSpares(
    { cluster, desired, images, mayCopy: () => availability.failover.brake.why === undefined, clock, logger },
    reschedule.policy,
  );
  const { recorder } = lifecycle;
  const removals = new ObservedChanges({ cluster, desired, recorder, clock, logger });
  const fences = await openFences({
    model,
    store,
    lifecycle,
    mayJudge: () => availability.failover.brake.why === undefined,
    policy: reschedule.policy,
    tell,
    clock,
    logger,
  });
  const creates = new OpenCreates({ cluster, desired, attempts, recorder, tombstones, clock, logger });
  const endings = new Endings({ cluster, desired, clock, logger });
  const adoption = new Adoption({ cluster, desired, attempts, volumes, networks, logger });
  const isMadeAnew = (record: ContainerRecord): boolean => hindranceOf(record, reschedule.policy) === undefined;
  model.memory?.follow({ noted: () => undefined, forgetNode: (nodeId) => recorder.forgetNode(nodeId, isMadeAnew) });
  model.memory?.follow({ noted: () => undefined, forgetNode: (nodeId) => leaveMesh(model, mesh, nodeId) });
  const undertaker = new Undertaker({ cluster, tombstones, memory: model.memory, clock, logger });
  model.membership.guard(undertaker, fences.fencing);
  return {
    images,
    networks,
    volumes,
    lifecycle,
    availability,
    quorum,
    fenceSwitch: fences.fenceSwitch,
    notices,
    publisher,
    placer,
    decisions: placer.tally,
    substrateStatus: networking.substrateStatus,
    duties: [
      mesh,
      fences.fencing,
      undertaker,
      ...networking.duties,
      creates,
      removals,
      endings,
      adoption,
      lifecycle.unfinishedMoves,
      lifecycle.mover,
      fences.revival,
      availability.failover,
      fences.supervisor,
      availability.drain,
      availability.runs,
      ...(options.clusterOptions.imageSpares === 'on' ? [spares] : []),
      availability.drills,
      publisher.everywhere,
    ],
    problems: () => [
      ...availability.drills.problems(),
      ...availability.failover.problems(),
      ...mesh.problems(),
      ...networking.problems(),
      ...fences.problems(),
      ...creates.problems(),
      ...notifier.problems(),
      ...publisher.everywhere.problems(),
    ],
    close: async () => {
      publisher.close();
      await notifier.close();
      await images.close();
      await networking.close();
    },
  };
}
