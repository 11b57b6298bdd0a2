import type { Container } from '../cluster/container.ts';
import type { Clock } from '../common/clock.ts';
import { EngineError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import { NEWEST_API } from '../engine/api-version.ts';
import { messageOf } from '../engine/exchange.ts';
import { FenceSwitch } from '../fencing/fence-switch.ts';
import { Fencing } from '../fencing/fencing.ts';
import { VolumeKeeper } from '../fencing/kept-volumes.ts';
import { Revival } from '../fencing/revival.ts';
import { Supervisor } from '../fencing/supervisor.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { ReturnGate } from '../monitor/return-gate.ts';
import type { Notice } from '../notify/notice.ts';
import type { StateStore } from '../store/state-store.ts';
import type { Duty } from './duties.ts';
import type { ClusterModel } from './model.ts';

export interface FencesDeps {
  readonly model: ClusterModel;
  readonly store: StateStore;
  readonly lifecycle: ContainerLifecycle;
  /** Whether a silent node may be taken for lost: the manager may be the one that is cut off. */
  readonly mayJudge: () => boolean;
  /** For containers that say nothing themselves. */
  readonly policy: MovePolicy;
  /** Told what operators should know; does not wait. */
  readonly tell: (notice: Notice) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What looks after nodes that come back. */
export interface Fences {
  /** To be started before engines are reached. */
  readonly fencing: Duty & ReturnGate;
  /** To be started when containers can be. */
  readonly revival: Duty;
  readonly supervisor: Duty;
  readonly fenceSwitch: FenceSwitch;
  problems(): readonly string[];
}

/** The fences of a model; nothing is started. */
export async function openFences(deps: FencesDeps): Promise<Fences> {
  const { model, store, lifecycle, mayJudge, policy, tell, clock, logger } = deps;
  const { cluster, desired, attempts } = model;
  const shared = { cluster, desired, clock, logger };
  const volumes = await VolumeKeeper.open({ ...shared, records: store.records('kept-volumes') });
  const fencing = new Fencing({ ...shared, attempts, volumes, mayJudge });
  const startContainer = async (container: Container, signal: AbortSignal): Promise<void> => {
    const start = { kind: 'start', search: '' } as const;
    const { statusCode, body } = await lifecycle.operate(container, start, { api: NEWEST_API, signal });
    if (statusCode >= 400) throw new EngineError(messageOf(body), 'ENGINE_ANSWER', undefined, statusCode);
  };
  const revival = new Revival({ ...shared, startContainer, defaultPolicy: policy });
  const supervisor = new Supervisor({ ...shared, startContainer, leases: model.leases, tell });
  const fenceSwitch = new FenceSwitch({ desired, leases: model.leases, lifecycle, clock });
  return {
    fencing,
    revival,
    supervisor,
    fenceSwitch,
    problems: () => [...fencing.problems(), ...supervisor.problems()],
  };
}
