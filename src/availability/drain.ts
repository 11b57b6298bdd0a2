import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { ConflictError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Rest } from '../common/rest.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { Notice } from '../notify/notice.ts';
import { DrainNews } from './drain-news.ts';
import { PlanExecutor } from './execute-plan.ts';
import { formatPlan } from './format-plan.ts';
import type { Plan, PlannedMove, PlannedNode, PlannedStay } from './plan.ts';
import type { Planning } from './planning.ts';

/** Pauses before what did not move is planned anew, in milliseconds. */
const BACKOFF = { baseMs: 2_000, maxMs: 60_000 } as const;

export interface DrainDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly lifecycle: Pick<ContainerLifecycle, 'move' | 'mover'>;
  readonly planning: Pick<Planning, 'drain'>;
  /** Told what operators should know; does not wait. */
  readonly tell: (notice: Notice) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One span between start and stop. */
interface Run {
  readonly stop: AbortController;
  readonly end: () => void;
  readonly working: Promise<void>;
}

/**
 * Empties the nodes that are to be drained: plans, moves, and looks again, until they hold nothing that may move. What stays is planned
 * anew after a pause that grows, and at once when something else is said of a node or a container.
 */
export class Drain {
  readonly #deps: DrainDeps;
  readonly #executor = new PlanExecutor();
  readonly #news: DrainNews;
  /** What stays on nodes that are drained, by ID: as of the last plan. */
  #stays: ReadonlyMap<string, PlannedStay> = new Map();
  /** What ends moves from a node that is not drained any more, by the node's ID. */
  readonly #endings = new Map<string, AbortController>();
  readonly #rest: Rest;
  #run: Run | undefined;

  constructor(deps: DrainDeps) {
    this.#deps = deps;
    this.#rest = new Rest(deps.clock);
    this.#news = new DrainNews(deps.tell);
  }

  /** Why a container that should run stays on its node although that is drained; undefined when it does not, or is about to go. */
  stayOf(id: string): string | undefined {
    const stay = this.#stays.get(id);
    return stay?.isIdle ? undefined : stay?.why;
  }

  /** Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#run) return;
    const { cluster, desired } = this.#deps;
    const unsubscribe = cluster.subscribe((event) => {
      if (!isOfDrains(event)) return;
      if (!isDrained(event.node)) this.#endMoves(event.node);
      if (event.kind === 'node-settings' && event.node.availability === 'drain') this.#news.asked(event.node);
      this.#rest.wake();
    });
    const unfollow = desired.subscribe(({ before, after }) => {
      if (!after || cluster.node(after.current.nodeId)?.availability !== 'drain') return;
      if (before?.wanted !== after.wanted || before.terms !== after.terms) this.#rest.wake();
    });
    const end = (): void => {
      unsubscribe();
      unfollow();
    };
    const stop = sharedStop();
    this.#run = { stop, end, working: this.#work(stop.signal) };
  }

  /** Resolves when nothing is under way any more; what was interrupted is resolved at the next start. Idempotent. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.end();
    run.stop.abort(new Error('nodes are not drained here any more'));
    // Moves themselves end with the mover.
    await this.#deps.lifecycle.mover.stop();
    await run.working;
  }

  /** Never rejects. */
  async #work(signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; ) {
      this.#rest.begin();
      const isDone = await this.#round(signal).catch((error: unknown) => this.#failed(error, signal));
      failures = isDone || this.#rest.isWoken ? 0 : failures + 1;
      await this.#rest.over(isDone ? undefined : backoffMs(failures, BACKOFF), signal);
    }
  }

  /** Resolves with whether nothing is left that should have moved. */
  async #round(signal: AbortSignal): Promise<boolean> {
    const { cluster, desired, planning } = this.#deps;
    const drained = cluster.nodes.filter(isDrained);
    const nodes = drained.filter(({ id, containers }) => containers.size > 0 || desired.index.onNode(id).length > 0);
    const plan = nodes.length > 0 ? await planning.drain(nodes) : undefined;
    if (signal.aborted) return true;
    this.#tell(plan);
    this.#news.planned(drained, plan);
    if (!plan) return true;
    const areMoved = await this.#execute(plan, signal);
    // Whether anything is left is seen, and told, by the next plan.
    if (areMoved && plan.moves.length > 0) this.#rest.wake();
    return areMoved && !plan.stays.some(({ waits }) => waits);
  }

  /** Resolves with whether all were moved. */
  async #execute(plan: Plan, stop: AbortSignal): Promise<boolean> {
    const { cluster, lifecycle, logger } = this.#deps;
    let failures = 0;
    await this.#executor.execute(plan, {
      move: ({ container, from, to, how, why, generation }: PlannedMove) => {
        stop.throwIfAborted();
        const node = cluster.node(from.id);
        if (!node || !isDrained(node)) throw ended(from);
        return lifecycle.move(container.key, { to: to.id, how, why, generation }, this.#endingOf(node));
      },
      onMoved: noop,
      onFailed: ({ container, from, to }, error) => {
        failures += 1;
        const isDecided = ['MOVE_SUPERSEDED', 'MOVE_OUTDATED'].includes((error as { readonly code: string }).code);
        if (stop.aborted || isDecided) return;
        const fields = { container: container.name, from: from.name, to: to.name, reason: reasonOf(error) };
        logger.warn(fields, 'a container of a drained node was not moved; it is tried again');
      },
    });
    return failures === 0;
  }

  /** Each reason once. */
  #tell(plan: Plan | undefined): void {
    const { logger } = this.#deps;
    const { moves = [], stays = [] } = plan ?? {};
    const isNews = stays.some(({ container, why }) => this.#stays.get(container.id)?.why !== why);
    if (plan && (isNews || moves.length > 0))
      logger.info({ moves: moves.length, stays: stays.length }, formatPlan(plan));
    this.#stays = new Map(stays.map((stay) => [stay.container.id, stay]));
  }

  #endingOf({ id }: Node): AbortSignal {
    const ending = this.#endings.get(id) ?? sharedStop();
    this.#endings.set(id, ending);
    return ending.signal;
  }

  /** What has not taken over yet stays. */
  #endMoves(node: Node): void {
    this.#endings.get(node.id)?.abort(ended(node));
    this.#endings.delete(node.id);
  }

  #failed(error: unknown, signal: AbortSignal): false {
    if (!signal.aborted) this.#deps.logger.warn({ reason: reasonOf(error) }, 'no plan for drained nodes; trying again');
    return false;
  }
}

/** A node that does not answer is a matter of failover. */
function isDrained({ availability, isHealthy }: Node): boolean {
  return availability === 'drain' && isHealthy;
}

function isOfDrains(event: ClusterEvent): event is ClusterEvent & { readonly node: Node } {
  return event.kind === 'node-settings' || event.kind === 'node-state' || event.kind === 'node-removed';
}

function ended({ name }: PlannedNode | Node): ConflictError {
  return new ConflictError(`${name} is not drained any more`, 'MOVE_OUTDATED');
}

function noop(): void {
  // Nothing to do.
}
