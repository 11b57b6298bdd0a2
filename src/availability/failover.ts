import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { Notice } from '../notify/notice.ts';
import { Brake } from './brake.ts';
import { DRILL_REASON } from './drills.ts';
import { PlanExecutor } from './execute-plan.ts';
import { type FailoverView, failoverView } from './failover-view.ts';
import { formatPlan } from './format-plan.ts';
import type { KnownHealthy } from './known-healthy.ts';
import { LossWatch } from './loss-watch.ts';
import type { Plan, PlannedMove, PlannedNode } from './plan.ts';
import { WaitBoard } from './wait-board.ts';
import type { Witness } from './witness.ts';

const BEAT_MS = 250;
const GONE = 'it is in the cluster no more';
/** Pauses before a container that could not be moved is planned again, in milliseconds. */
const BACKOFF = { baseMs: 2_000, maxMs: 20_000 } as const;
/** When a container that could not be moved is planned again, by the clock: not before `leastMs`, at `dueMs` by itself. */
interface Setback {
  readonly failures: number;
  readonly leastMs: number;
  readonly dueMs: number;
}
const NO_SETBACK: Setback = { failures: 0, leastMs: 0, dueMs: 0 };
/** A lost node counts among those that were last known healthy for this long: others may be missed a little later, in milliseconds. */
const REMEMBERED_MS = 60_000;

export interface FailoverDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly lifecycle: Pick<ContainerLifecycle, 'move' | 'mover'>;
  readonly known: KnownHealthy;
  readonly witness?: Witness | undefined;
  /** Plans where these containers of lost nodes go. */
  readonly plan: (lost: readonly PlannedNode[], records: readonly ContainerRecord[]) => Promise<Plan>;
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
  readonly waiting: WaitBoard;
  readonly #deps: FailoverDeps;
  readonly #options: FailoverOptions;
  readonly #executor = new PlanExecutor();
  /** When those that could not be moved are planned again, by the keys of their records. */
  readonly #setbacks = new Map<string, Setback>();
  /** What ends moves from a node that is back, by the node's ID. */
  readonly #underWay = new Map<string, AbortController>();
  readonly #moving = new Map<string, Promise<void>>();
  /** Lost nodes that were told of, by ID, and why they were lost. */
  readonly #told = new Map<string, string>();
  #watch: LossWatch;
  #round: Promise<void> | undefined;
  #run: Run | undefined;

  constructor(deps: FailoverDeps, options: FailoverOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#watch = new LossWatch(options.graceMs);
    this.brake = new Brake({ ...deps, witness: deps.witness, onChange: (why) => this.#onBrake(why) });
    this.waiting = new WaitBoard((key, why) => this.#onWaiting(key, why));
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
    if (why === undefined) return this.#risks();
    return [
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
    if (lost.length === 0 || this.#watch.isUndecided) return;
    for (const node of lost) this.#tellLost(node);
    const due = this.#due(lost.flatMap(({ id }) => this.#deps.desired.index.onNode(id)));
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

  /**
   * Those whose pause is over, and with them those whose pause could be: pauses are random, and what shares something is to be planned
   * together again, or it would be told another reason each time, and be torn apart.
   */
  #due(records: readonly ContainerRecord[]): readonly ContainerRecord[] {
    const nowMs = this.#deps.clock.elapsed();
    const ready = records.filter((record) => this.#isIdle(record) && nowMs >= this.#setback(record).leastMs);
    return ready.some((record) => nowMs >= this.#setback(record).dueMs) ? ready : [];
  }

  /** Whether it should run and nothing is under way with it. */
  #isIdle({ key, id, wanted, ended }: ContainerRecord): boolean {
    if (id === undefined || ended || (wanted !== 'running' && wanted !== 'paused')) return false;
    return !this.#moving.has(key) && !this.#deps.lifecycle.mover.isMoving(key);
  }

  #setback({ key }: ContainerRecord): Setback {
    return this.#setbacks.get(key) ?? NO_SETBACK;
  }

  async #plan(lost: readonly PlannedNode[], due: readonly ContainerRecord[], signal: AbortSignal): Promise<void> {
    const { plan: makePlan, logger, cluster } = this.#deps;
    const plan = await makePlan(
      lost.map(({ id, name }) => ({ id, name })),
      due,
    );
    // One may be back while the bodies were read.
    const moves = plan.moves.filter(({ from }) => cluster.node(from.id)?.isHealthy !== true);
    if (signal.aborted) return;
    if (plan.moves.length > 0) logger.info({ moves: moves.length, stays: plan.stays.length }, formatPlan(plan));
    for (const { container, why, waits } of plan.stays) {
      this.#setBack(container.key);
      if (waits) this.#wait(container.key, why);
    }
    for (const { from } of moves) if (!this.#underWay.has(from.id)) this.#underWay.set(from.id, sharedStop());
    let end = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      end = resolve;
    });
    for (const { container } of moves) this.#moving.set(container.key, done);
    void this.#execute({ ...plan, moves }, signal).finally(end); // Never rejects.
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

  #onMoved({ container, from, to, why }: PlannedMove): void {
    this.#moving.delete(container.key);
    this.#forget(container.key);
    const { id, name } = container;
    const text = `container ${name} runs on ${to.name} now: ${why}`;
    this.#deps.tell({ event: 'moved', text, container: { id, name }, from: from.name, to: to.name, why });
  }

  #onFailed({ container, from, to }: PlannedMove, error: unknown): void {
    const { cluster, logger } = this.#deps;
    const code = (error as { readonly code?: unknown }).code;
    // What a client or a node that is back has decided is no failure.
    if (code === 'MOVE_SUPERSEDED' || code === 'MOVE_OUTDATED' || cluster.node(from.id)?.isHealthy) return;
    this.#setBack(container.key);
    const why = `moving it to ${to.name} failed: ${reasonOf(error)}`;
    logger.warn(
      { container: container.name, to: to.name, reason: reasonOf(error) },
      'a container was not moved; it is tried again',
    );
    this.#wait(container.key, why);
  }

  #setBack(key: string): void {
    const failures = (this.#setbacks.get(key)?.failures ?? 0) + 1;
    const nowMs = this.#deps.clock.elapsed();
    const leastMs = nowMs + backoffMs(failures, { ...BACKOFF, random: () => 0 });
    this.#setbacks.set(key, { failures, leastMs, dueMs: nowMs + backoffMs(failures, BACKOFF) });
  }

  #wait(key: string, why: string): void {
    const record = this.#deps.desired.get(key);
    if (!record || !this.waiting.set(key, why)) return;
    const { name, id = '', current } = record;
    const node = this.#deps.cluster.node(current.nodeId)?.name ?? current.nodeId;
    this.#deps.logger.warn({ container: name, node, reason: why }, 'a container waits');
    this.#deps.tell({ event: 'waiting', text: `container ${name} waits: ${why}`, container: { id, name }, node, why });
  }

  #forget(key: string): void {
    this.#setbacks.delete(key);
    this.waiting.delete(key);
  }

  #tellLost({ id, name, reason }: PlannedNode & { readonly reason: string }): void {
    if (this.#told.has(id)) return;
    this.#told.set(id, reason);
    this.#deps.logger.warn({ node: name, reason }, 'node is lost: what should run on it is brought back elsewhere');
    this.#deps.tell({ event: 'node-lost', text: `node ${name} is lost: ${reason}`, node: name, why: reason });
  }

  /** What waits may have a place now, or its node. */
  #onHealthy({ id, name }: Node): void {
    const reason = new Error(`${name} is back`);
    this.#underWay.get(id)?.abort(reason);
    this.#underWay.delete(id);
    this.#setbacks.clear();
    for (const { key } of this.#deps.desired.index.onNode(id)) this.waiting.delete(key);
    const why = this.#told.get(id);
    if (why === undefined) return;
    this.#told.delete(id);
    const from = why === DRILL_REASON ? ' from a drill' : '';
    this.#deps.tell({ event: 'node-back', text: `node ${name} is back${from}`, node: name });
  }

  #onBrake(why: string | undefined): void {
    const { logger, tell } = this.#deps;
    if (why === undefined) {
      logger.info('containers are moved again');
      tell({ event: 'brake-off', text: 'containers are moved again' });
    } else {
      logger.error(
        { reason: why },
        "no container is moved: this manager may be cut off ('enxame failover resume' when it is not)",
      );
      tell({ event: 'brake-on', text: `no container is moved: ${why}`, why });
    }
  }

  /** Shows in listings why a container waits. */
  #onWaiting(key: string, why: string | undefined): void {
    const { desired, cluster } = this.#deps;
    const current = desired.get(key)?.current;
    const node = current && cluster.node(current.nodeId);
    if (node && current.engineId !== undefined) cluster.setWaiting(node, current.engineId, why);
  }
}
