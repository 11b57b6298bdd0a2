import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { Notice } from '../notify/notice.ts';
import { Brake } from './brake.ts';
import { PlanExecutor } from './execute-plan.ts';
import { emptiedWarnings, FailoverReport } from './failover-report.ts';
import { type FailoverView, failoverView } from './failover-view.ts';
import { formatPlan } from './format-plan.ts';
import type { KnownHealthy } from './known-healthy.ts';
import { LossWatch } from './loss-watch.ts';
import type { Plan, PlannedMove, PlannedNode } from './plan.ts';
import { Setbacks } from './setbacks.ts';
import type { WaitBoard } from './wait-board.ts';
import type { Witness } from './witness.ts';

const BEAT_MS = 250;
const GONE = 'it is in the cluster no more';
/** A lost node counts among those that were last known healthy for this long: others may be missed a little later, in milliseconds. */
const REMEMBERED_MS = 60_000;

export interface FailoverDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly lifecycle: Pick<ContainerLifecycle, 'move' | 'mover'>;
  readonly known: KnownHealthy;
  readonly witness?: Witness | undefined;
  /** Plans where these containers go: of lost nodes, or of such as are back without their data. */
  readonly plan: (
    nodes: { readonly lost: readonly PlannedNode[]; readonly emptied: readonly PlannedNode[] },
    records: readonly ContainerRecord[],
  ) => Promise<Plan>;
  /** Told what operators should know; does not wait. */
  readonly tell: (notice: Notice) => void;
  /** Nodes that containers are on and that are in the cluster no more, and will not be. */
  readonly departed?: (() => readonly DepartedNode[]) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A node that is no more. */
export interface DepartedNode {
  readonly id: string;
  readonly name: string;
}

export interface FailoverOptions {
  /** How long a node is unhealthy before it counts as lost, in milliseconds. */
  readonly graceMs: number;
}

/** One span between start and stop. */
interface Run {
  readonly stop: AbortController;
  readonly end: () => void;
  readonly beating: Promise<void>;
}

/**
 * Brings back elsewhere what should run and was on nodes that are lost: looks, plans for all that is due at once, carries the plan out, and looks
 * again. What fails is planned anew with growing pauses, until it runs or its node is back.
 */
export class Failover {
  readonly brake: Brake;
  readonly #deps: FailoverDeps;
  readonly #options: FailoverOptions;
  readonly #executor = new PlanExecutor();
  readonly #report: FailoverReport;
  readonly #setbacks: Setbacks;
  /** What ends moves from a node that is back, by the node's ID. */
  readonly #underWay = new Map<string, AbortController>();
  readonly #moving = new Map<string, Promise<void>>();
  #watch: LossWatch;
  #round: Promise<void> | undefined;
  #run: Run | undefined;

  constructor(deps: FailoverDeps, options: FailoverOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#watch = new LossWatch(options.graceMs);
    this.#report = new FailoverReport(deps);
    this.#setbacks = new Setbacks(deps.clock);
    this.brake = new Brake({ ...deps, witness: deps.witness, onChange: (why) => this.#report.brake(why) });
  }

  get waiting(): WaitBoard {
    return this.#report.waiting;
  }

  /** Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#run) return;
    const { cluster, desired } = this.#deps;
    this.#watch = new LossWatch(this.#options.graceMs);
    const stop = sharedStop();
    const unsubscribe = cluster.subscribe((event) => {
      if (event.kind === 'node-state' && event.to === 'Healthy') this.#onHealthy(event.node);
    });
    const unfollow = desired.subscribe(({ before, after }) => {
      const isElsewhere = after?.current.nodeId !== before?.current.nodeId || after?.wanted !== before?.wanted;
      if (before && isElsewhere) this.#forget(before.key);
    });
    const end = (): void => {
      unsubscribe();
      unfollow();
    };
    this.#run = { stop, end, beating: this.#beat(stop.signal) };
  }

  /** Resolves when nothing is under way any more; what was interrupted is resolved at the next start. Idempotent. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.end();
    run.stop.abort(new Error('containers are not brought back here any more'));
    // Moves themselves end with the mover.
    await this.#deps.lifecycle.mover.stop();
    await Promise.all([run.beating, this.#round, ...this.#moving.values()]);
  }

  /** What it is about at the moment. */
  view(): FailoverView {
    const { brake, waiting } = this;
    return failoverView({ ...this.#deps, brake, waiting, moving: new Set(this.#moving.keys()), lost: this.#lost() });
  }

  /** For `docker info`. */
  problems(): readonly string[] {
    const { why } = this.brake;
    const emptied = emptiedWarnings(this.#deps, this.waiting);
    if (why === undefined) return [...this.#risks(), ...emptied];
    return [
      ...emptied,
      `WARNING: no container is moved: ${why}, so this manager may be the one that is cut off. It goes on when they are back, or after 'enxame failover resume'`,
    ];
  }

  #risks(): readonly string[] {
    const risky = this.brake.riskyDomains(this.#deps.cluster.domains.labels);
    if (risky.length === 0) return [];
    return [
      `WARNING: if ${risky.join(' or ')} were lost, too few nodes would be left for this manager to know that it is not cut off, and no container would be moved: give it a --witness host:port`,
    ];
  }

  /** An operator says that what does not answer is gone. */
  resume(): void {
    this.brake.resume();
    this.#setbacks.clear();
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { clock, cluster, logger } = this.#deps;
    while (!signal.aborted) {
      await clock.sleep(BEAT_MS, signal).catch(() => undefined); // Stopped: the loop ends.
      if (signal.aborted) return;
      const departed = this.#departed().map(({ id }) => ({ id, state: 'Unhealthy' }));
      this.#watch.beat(clock.now(), departed.length === 0 ? cluster.nodes : [...cluster.nodes, ...departed]);
      // A beat does not wait for what is done in a round.
      this.#round ??= this.#look(signal)
        .catch((error: unknown) =>
          logger.error({ reason: reasonOf(error) }, 'containers of lost nodes were not planned'),
        )
        .finally(() => {
          this.#round = undefined;
        });
    }
  }

  #lost(): readonly Node[] {
    return this.#deps.cluster.nodes.filter(({ id }) => this.#watch.isLost(id));
  }

  #departed(): readonly DepartedNode[] {
    return this.#deps.departed?.() ?? [];
  }

  async #look(signal: AbortSignal): Promise<void> {
    const gone = this.#departed().flatMap((node) => (this.#watch.isLost(node.id) ? [{ ...node, reason: GONE }] : []));
    const lost = [...this.#lost(), ...gone];
    const emptied = this.#emptied();
    if ((lost.length === 0 && emptied.length === 0) || this.#watch.isUndecided) return;
    for (const node of lost) this.#report.lost(node);
    const { index } = this.#deps.desired;
    const due = this.#due([...lost.flatMap(({ id }) => index.onNode(id)), ...emptied]);
    const old = lost.filter(({ id }) => this.#watch.lostMs(id) >= REMEMBERED_MS);
    const { known } = this.#deps;
    const isKnown = new Set([...known.nodes().map(({ id }) => id), ...known.absent()]);
    if (due.length === 0 && !old.some(({ id }) => isKnown.has(id))) return;
    if (!(await this.brake.mayMove(signal))) {
      for (const { key } of due) this.waiting.set(key, `no container is moved: ${this.brake.why}`);
      return;
    }
    known.forget(old.map(({ id }) => id));
    if (due.length > 0) await this.#plan(lost, due, signal);
  }

  /** Those that went with the data of a node that is back. */
  #emptied(): readonly ContainerRecord[] {
    const { cluster, desired } = this.#deps;
    return [...desired.index.dataLost].filter(({ current }) => cluster.node(current.nodeId)?.isHealthy === true);
  }

  /** Those with which nothing is under way, and whose pause is over. */
  #due(records: readonly ContainerRecord[]): readonly ContainerRecord[] {
    const { mover } = this.#deps.lifecycle;
    return this.#setbacks.due(
      records.filter((record) => isConcerned(record) && !this.#moving.has(record.key) && !mover.isMoving(record.key)),
    );
  }

  async #plan(lost: readonly PlannedNode[], due: readonly ContainerRecord[], signal: AbortSignal): Promise<void> {
    const { plan: makePlan, logger, cluster } = this.#deps;
    const isLost = new Set(lost.map(({ id }) => id));
    const others = new Set(due.flatMap(({ current }) => (isLost.has(current.nodeId) ? [] : current.nodeId)));
    const emptied = [...others].flatMap((id) => cluster.node(id) ?? []);
    const plan = await makePlan({ lost: lost.map(named), emptied: emptied.map(named) }, due);
    // One may be back while the bodies were read.
    const moves = plan.moves.filter((move) => this.#isOpen(move));
    if (signal.aborted) return;
    if (plan.moves.length > 0) logger.info({ moves: moves.length, stays: plan.stays.length }, formatPlan(plan));
    for (const { container, why, waits, isIdle, forMs } of plan.stays) {
      this.#setbacks.add(container.key, forMs);
      if (waits) this.#report.wait(container.key, why);
      else if (!isIdle) this.waiting.stay(container.key, why);
    }
    for (const { from } of moves) if (!this.#underWay.has(from.id)) this.#underWay.set(from.id, sharedStop());
    let end = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const { container } of moves) this.#moving.set(container.key, done);
    void this.#execute({ ...plan, moves }, signal).finally(end); // Never rejects.
  }

  /** Whether a container is still not where it should run. */
  #isOpen({ container, from }: PlannedMove): boolean {
    const { cluster, desired } = this.#deps;
    return cluster.node(from.id)?.isHealthy !== true || desired.get(container.key)?.dataLostMs !== undefined;
  }

  #execute(plan: Plan, stop: AbortSignal): Promise<void> {
    return this.#executor.execute(plan, {
      move: ({ container, from, to, how, why, generation }) => {
        stop.throwIfAborted();
        const back = this.#underWay.get(from.id)?.signal;
        back?.throwIfAborted();
        // What is under way at a stop is the mover's to end.
        return this.#deps.lifecycle.move(container.key, { to: to.id, how, why, generation }, back);
      },
      onMoved: (move) => this.#onMoved(move),
      onFailed: (move, error) => {
        this.#moving.delete(move.container.key);
        if (!stop.aborted) this.#onFailed(move, error);
      },
    });
  }

  #onMoved(move: PlannedMove): void {
    this.#moving.delete(move.container.key);
    this.#forget(move.container.key);
    this.#report.moved(move);
  }

  #onFailed(move: PlannedMove, error: unknown): void {
    const code = (error as { readonly code?: unknown }).code;
    // What a client or a node that is back has decided is no failure.
    if (code === 'MOVE_SUPERSEDED' || code === 'MOVE_OUTDATED' || !this.#isOpen(move)) return;
    this.#setbacks.add(move.container.key);
    this.#report.failed(move, error);
  }

  #forget(key: string): void {
    this.#setbacks.delete(key);
    this.waiting.delete(key);
  }

  /** What waits may have a place now, or its node. */
  #onHealthy(node: Node): void {
    const reason = new Error(`${node.name} is back`);
    this.#underWay.get(node.id)?.abort(reason);
    this.#underWay.delete(node.id);
    this.#setbacks.clear();
    this.#report.back(node);
  }
}

/** Whether it should run, or is nowhere. */
function isConcerned({ id, wanted, ended, dataLostMs }: ContainerRecord): boolean {
  if (id === undefined || ended) return false;
  return dataLostMs !== undefined || wanted === 'running' || wanted === 'paused';
}

function named({ id, name }: PlannedNode): PlannedNode {
  return { id, name };
}
