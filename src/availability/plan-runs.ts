import { randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { ConflictError, NotFoundError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import { RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import { ACCEPTED_PLANS, type AcceptedPlan, type RunOptions } from './accepted-plan.ts';
import { PlanExecutor } from './execute-plan.ts';
import { formatPlan } from './format-plan.ts';
import { lastOfGroup } from './last-of-group.ts';
import type { LeavingNodes } from './leaving-nodes.ts';
import type { Plan, PlannedMove } from './plan.ts';
import { type MoveState, note, type Run, type RunView, type Standing, settle, viewOf } from './plan-run.ts';
import type { VolumeSizes } from './volume-sizes.ts';

/** Plans that ended, kept for those who ask how they went. */
const ENDED_KEPT = 50;
/** Plans that are being carried out at most. */
const MAX_OPEN = 100;
/** A move that something else holds up is tried so often, after so many milliseconds each. */
const BUSY_TRIES = 120;
const BUSY_MS = 1_000;

export interface PlanRunsDeps extends RecordViewDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly lifecycle: Pick<ContainerLifecycle, 'moveTogether' | 'mover'>;
  readonly sizes: Pick<VolumeSizes, 'note'>;
  readonly leaving: LeavingNodes;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Carries out the plans that people accepted, each from when it is durable to its end, whatever ends this process meanwhile: a move presumes the
 * generation of its container, so that one that was made already is seen as made, and one that is not right any more is skipped.
 */
export class PlanRuns {
  readonly #deps: PlanRunsDeps;
  readonly #records: RecordView<AcceptedPlan>;
  readonly #runs = new Map<string, Run>();
  /** What is asked of other plans holds until this one is among them. */
  readonly #accepting = pLimit(1);
  #stop: AbortController | undefined;

  private constructor(deps: PlanRunsDeps, records: RecordView<AcceptedPlan>) {
    this.#deps = deps;
    this.#records = records;
  }

  static async open(deps: PlanRunsDeps): Promise<PlanRuns> {
    return new PlanRuns(deps, await RecordView.open(deps, ACCEPTED_PLANS));
  }

  /** Takes up the plans that were being carried out. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    for (const accepted of [...this.#records.values()]) this.#run(accepted);
  }

  /** Leaves what is under way to the next start; resolves when nothing is. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error('plans are not carried out here any more'));
    this.#stop = undefined;
    await this.#deps.lifecycle.mover.stop();
    const open = [...this.#runs.values()].filter(({ isOver }) => !isOver);
    await Promise.all(open.map(({ done }) => done));
    for (const { accepted } of open) this.#runs.delete(accepted.id);
  }

  /**
   * Begins to carry a plan out. Resolves with its ID once it is durable. Throws 409 with the code `PLAN_OUTDATED` when the cluster is not any more what it was
   * made for, and nothing has happened; of a plan that is to be the only one of its kind, 409 with `PLAN_RUNNING` while another one is carried out.
   */
  accept(plan: Plan, options: RunOptions, { isOnly = false }: { readonly isOnly?: boolean } = {}): Promise<string> {
    return this.#accepting(() => this.#accept(plan, options, isOnly));
  }

  async #accept(plan: Plan, options: RunOptions, isOnly: boolean): Promise<string> {
    if (!this.#stop) throw new ConflictError('plans are carried out by the primary manager', 'NOT_PRIMARY');
    if ([...this.#runs.values()].filter(({ isOver }) => !isOver).length >= MAX_OPEN)
      throw new ConflictError(
        `${MAX_OPEN} plans are being carried out already: wait for one, or stop it`,
        'TOO_MANY_PLANS',
      );
    if (isOnly) this.#assertOnly(plan);
    for (const move of plan.moves) this.#assertCurrent(move);
    const { clock, logger } = this.#deps;
    const id = randomBytes(6).toString('hex');
    const { leaving, ...rest } = options;
    const accepted: AcceptedPlan = {
      id,
      plan,
      ...rest,
      ...(leaving && { leaving: this.#deps.leaving.note(leaving) }),
      acceptedMs: clock.now(),
    };
    await this.#records.put(id, accepted);
    logger.info({ plan: id, moves: plan.moves.length }, formatPlan(plan));
    this.#run(accepted);
    return id;
  }

  /** Those being carried out and the last that ended, the newest first. */
  list(): readonly RunView[] {
    return [...this.#runs.values()].map((run) => this.#view(run)).reverse();
  }

  /** Throws 404 for one that is not known, or not any more. */
  get(id: string): RunView {
    return this.#view(this.#need(id));
  }

  /**
   * Begins no further move of a plan, whatever ends this process; one that has not taken over yet is undone. Resolves when that is durable. Rejects
   * with 404 as {@link get}; when it cannot be written, the plan is stopped for as long as this process lives.
   */
  async end(id: string): Promise<void> {
    const run = this.#need(id);
    if (run.isOver || run.stop.signal.aborted) return run.stopping;
    run.accepted = { ...run.accepted, isStopped: true };
    run.stopping = this.#records.put(id, run.accepted);
    run.stop.abort(wasStopped());
    await run.stopping;
  }

  #need(id: string): Run {
    const run = this.#runs.get(id);
    if (!run) throw new NotFoundError(`no plan ${id} is being carried out, or was lately`, 'NO_SUCH_PLAN');
    return run;
  }

  #assertOnly({ reason: { kind } }: Plan): void {
    const other = this.list().find(({ reason, isOver }) => reason.kind === kind && !isOver);
    if (other)
      throw new ConflictError(
        `a ${kind} plan is being carried out already: wait for it, or end it with 'enxame move stop ${other.id}'`,
        'PLAN_RUNNING',
      );
  }

  #assertCurrent({ container, from, to, generation }: PlannedMove): void {
    const { desired, cluster } = this.#deps;
    const record = desired.get(container.key);
    const isSame = record?.current.generation === generation && record.current.nodeId === from.id && !record.move;
    const why = isSame ? undefined : record?.move ? 'is being moved' : 'is not what it was any more';
    const node = cluster.node(to.id);
    const lost = node?.isHealthy ? undefined : `cannot go to ${to.name}: it is not healthy`;
    if (why === undefined && lost === undefined) return;
    throw new ConflictError(`the plan is outdated: ${container.name} ${why ?? lost}. Plan anew`, 'PLAN_OUTDATED');
  }

  #run(accepted: AcceptedPlan): void {
    const standings = new Map(
      accepted.plan.moves.map(({ container }) => [container.key, { state: 'waiting', why: '', bytes: 0 } as Standing]),
    );
    const stop = new AbortController();
    if (accepted.isStopped) stop.abort(wasStopped());
    const run: Run = { accepted, stop, standings, isOver: false, done: Promise.resolve(), stopping: undefined };
    this.#runs.set(accepted.id, run);
    run.done = this.#carryOut(run, this.#stop?.signal ?? AbortSignal.abort());
  }

  /** Never rejects. */
  async #carryOut(run: Run, stop: AbortSignal): Promise<void> {
    const { plan, atOnce, id, leaving = [] } = run.accepted;
    const { logger, lifecycle } = this.#deps;
    // Another duty may have stopped the mover before this one is told.
    const isStopping = (): boolean => stop.aborted || !lifecycle.mover.isOn;
    await this.#deps.leaving.pause(leaving);
    await new PlanExecutor({ atOnce }).execute(plan, {
      move: (_, unit) => this.#move(run, unit, stop),
      onMoved: (move) => settle(run, move, 'moved'),
      onFailed: (move, error) => {
        if (isStopping()) return;
        const [state, why] = this.#judge(run, move, error);
        settle(run, move, state, why);
        if (state === 'failed')
          logger.warn({ plan: id, container: move.container.name, reason: why }, 'a move of a plan failed');
      },
    });
    if (!isStopping()) await this.#deps.leaving.settle(leaving, stop);
    if (isStopping()) return;
    run.isOver = true;
    await run.stopping?.catch(() => undefined); // Told to the one who asked.
    await this.#records.delete(id).catch((error: unknown) => {
      // It is looked at again at the next start, and nothing is left to be done then.
      logger.warn({ plan: id, reason: reasonOf(error) }, 'a plan that ended is kept still');
    });
    this.#forgetOldest();
  }

  /** Moves those that are one together. */
  async #move(run: Run, unit: readonly PlannedMove[], stop: AbortSignal): Promise<void> {
    const { clock, cluster } = this.#deps;
    const signal = AbortSignal.any([stop, run.stop.signal]);
    for (let tries = 1; ; tries++) {
      signal.throwIfAborted();
      // Right after a start nodes are being reached, and what was interrupted is being resolved.
      if (tries < BUSY_TRIES && unit.some((each) => this.#isUnsettled(each))) {
        await clock.sleep(BUSY_MS, signal);
        continue;
      }
      const last = unit.flatMap((each) => lastOfGroup(cluster, each, unit) ?? [])[0];
      if (last !== undefined) throw new ConflictError(last, 'LAST_OF_GROUP');
      try {
        return await this.#tryMove(run, unit);
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== 'MOVE_BUSY' || tries >= BUSY_TRIES) throw error;
        note(run, unit, { state: 'waiting' });
        await clock.sleep(BUSY_MS, signal);
      }
    }
  }

  async #tryMove(run: Run, unit: readonly PlannedMove[]): Promise<void> {
    const { lifecycle, clock, sizes } = this.#deps;
    const [first] = unit;
    if (!first) return;
    note(run, unit, { state: 'moving', bytes: 0 });
    const standing = run.standings.get(first.container.key);
    const beganMs = clock.now();
    const onBytes = (bytes: number): void => {
      if (standing) standing.bytes += bytes;
    };
    // What a cheaper plan does not take along may be left: its owner said so.
    const isLeft = run.accepted.plan.reason.kind === 'cheaper' && unit.every(({ copies = [] }) => copies.length === 0);
    const carries = isLeft ? {} : { carries: { keepSourceMs: run.accepted.keepSourceMs, onBytes } };
    const { to, how, why } = first;
    const members = unit.map(({ container, generation }) => ({ key: container.key, generation }));
    // A plan that stops is a client's word; a manager that stops has told the mover.
    await lifecycle.moveTogether(members, { to: to.id, how, why, ...carries }, run.stop.signal);
    sizes.note(standing?.bytes ?? 0, clock.now() - beganMs);
  }

  #isUnsettled({ container, from, to }: PlannedMove): boolean {
    const { cluster, desired } = this.#deps;
    const isPending = [from, to].some(({ id }) => (cluster.node(id)?.state ?? 'Pending') === 'Pending');
    return isPending || desired.get(container.key)?.move !== undefined;
  }

  #judge({ stop }: Run, { container, to, generation }: PlannedMove, error: unknown): [state: MoveState, why: string] {
    const record = this.#deps.desired.get(container.key);
    if (record?.current.nodeId === to.id && record.current.generation === generation + 1) return ['moved', ''];
    const { code } = error as { readonly code?: unknown };
    if (stop.signal.aborted) return ['skipped', 'the plan was stopped'];
    const isDecided = code === 'MOVE_OUTDATED' || code === 'MOVE_SUPERSEDED';
    return [isDecided ? 'skipped' : 'failed', reasonOf(error)];
  }

  #view(run: Run): RunView {
    const { leaving } = run.accepted;
    if (!leaving) return viewOf(run);
    const emptied = leaving.map(({ id, name }) => ({ id, name, isEmpty: this.#deps.leaving.isEmpty({ id, name }) }));
    return { ...viewOf(run), leaving: emptied };
  }

  #forgetOldest(): void {
    const ended = [...this.#runs.values()].filter(({ isOver }) => isOver);
    for (const { accepted } of ended.slice(0, Math.max(0, ended.length - ENDED_KEPT))) this.#runs.delete(accepted.id);
  }
}

function wasStopped(): ConflictError {
  return new ConflictError('the plan was stopped', 'PLAN_STOPPED');
}
