import { PlanExecutor } from '../availability/execute-plan.ts';
import type { PlannedMove, PlannedNode } from '../availability/plan.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { NodeDirectory } from '../cluster/node-directory.ts';
import { FIRST_VERSION } from '../cluster/node-settings.ts';
import { sharedStop } from '../common/abort.ts';
import { ConflictError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { ContainerLifecycle } from '../lifecycle/lifecycle.ts';
import type { Availability } from '../scheduler/types.ts';
import type { CheapestPlan } from './cheapest-plan.ts';

export interface CheapestRunsDeps {
  readonly cluster: Cluster;
  readonly nodes: Pick<NodeDirectory, 'find' | 'update'>;
  readonly lifecycle: Pick<ContainerLifecycle, 'move' | 'mover'>;
  readonly logger: Logger;
}

export type MoveState = 'waiting' | 'moving' | 'moved' | 'failed';

/** A plan that is carried out, or was. */
export interface RunView {
  readonly digest: string;
  readonly state: 'running' | 'done' | 'ended';
  readonly moves: readonly {
    readonly container: PlannedMove['container'];
    readonly from: string;
    readonly to: string;
    readonly state: MoveState;
    /** Why it failed; empty else. */
    readonly reason: string;
  }[];
  /** Nodes that are not needed any more, and whether they hold nothing by now: such a node is drained and takes nothing new. */
  readonly leaving: readonly (PlannedNode & { readonly isEmpty: boolean })[];
}

interface Run {
  readonly plan: CheapestPlan;
  readonly states: Map<string, { state: MoveState; reason: string }>;
  readonly stop: AbortController;
  /** Nodes that were paused for it, by ID. */
  readonly before: Set<string>;
  state: RunView['state'];
  working: Promise<void>;
}

/** How long sources of volumes are kept on nodes that stay, in milliseconds. */
const KEEP_SOURCE_MS = 86_400_000;

/** Carries plans out, one at a time. Nodes that go take nothing new from the first move on. */
export class CheapestRuns {
  readonly #deps: CheapestRunsDeps;
  readonly #executor = new PlanExecutor();
  #run: Run | undefined;
  #isStarted = false;

  constructor(deps: CheapestRunsDeps) {
    this.#deps = deps;
  }

  /** Idempotent; may follow {@link stop}. */
  start(): void {
    this.#isStarted = true;
  }

  /** Begins no more moves, and resolves when those under way have ended. Idempotent. */
  async stop(): Promise<void> {
    this.#isStarted = false;
    const ending = this.end();
    // Moves themselves end with the mover, and are resolved at the next start.
    await this.#deps.lifecycle.mover.stop();
    await ending;
  }

  /** Begins to carry a plan out. Throws 409 while another one is. */
  begin(plan: CheapestPlan): void {
    if (!this.#isStarted) throw new ConflictError('this manager moves nothing at present', 'NOT_PRIMARY');
    if (this.#run?.state === 'running') throw new ConflictError('a plan is being carried out already', 'PLAN_RUNNING');
    const states = new Map(
      plan.moves.map(({ container }) => [container.key, { state: 'waiting' as MoveState, reason: '' }]),
    );
    const run: Run = {
      plan,
      states,
      stop: sharedStop(),
      before: new Set(),
      state: 'running',
      working: Promise.resolve(),
    };
    this.#run = run;
    run.working = this.#work(run);
  }

  /** Begins no more moves; resolves when those under way have ended. Nodes that are not empty take new containers again. */
  async end(): Promise<void> {
    this.#run?.stop.abort(new ConflictError('the plan is not carried out any more', 'MOVE_OUTDATED'));
    await this.#run?.working;
  }

  /** The plan that is, or was last, carried out; undefined before the first. */
  view(): RunView | undefined {
    const run = this.#run;
    if (!run) return undefined;
    const { plan, states, state } = run;
    return {
      digest: plan.digest,
      state,
      moves: plan.moves.map(({ container, from, to }) => ({
        container,
        from: from.name,
        to: to.name,
        ...(states.get(container.key) ?? { state: 'waiting', reason: '' }),
      })),
      leaving: leaving(plan).map((node) => ({ ...node, isEmpty: this.#isEmpty(node) })),
    };
  }

  /** Never rejects. */
  async #work(run: Run): Promise<void> {
    const { plan, states, stop } = run;
    const { logger } = this.#deps;
    logger.info(
      { moves: plan.moves.length, saving: plan.monthlySaving, currency: plan.cost.currency },
      'a cheaper plan is carried out',
    );
    try {
      for (const node of leaving(plan)) await this.#pause(node, run);
      await this.#executor.execute(plan, {
        move: (move) => this.#move(move, run),
        onMoved: ({ container }) => void states.set(container.key, { state: 'moved', reason: '' }),
        onFailed: ({ container }, error) => {
          const reason = reasonOf(error);
          states.set(container.key, { state: 'failed', reason });
          logger.warn({ container: container.name, reason }, 'a move of a cheaper plan failed');
        },
      });
      // A manager that stops leaves nodes as they are: a plan made anew begins there.
      if (this.#isStarted) for (const node of leaving(plan)) await this.#settle(node, run);
    } catch (error) {
      logger.warn({ reason: reasonOf(error) }, 'a cheaper plan was not carried out to its end');
    }
    run.state = stop.signal.aborted ? 'ended' : 'done';
  }

  async #move(move: PlannedMove, { states, stop }: Run): Promise<void> {
    stop.signal.throwIfAborted();
    const { container, to, how, why, generation, copies = [] } = move;
    states.set(container.key, { state: 'moving', reason: '' });
    const carries = copies.length > 0 && { carries: { keepSourceMs: KEEP_SOURCE_MS } };
    // One that is under way is finished, whatever comes: a client that has gone does not undo it.
    await this.#deps.lifecycle.move(container.key, { to: to.id, how, why, generation, ...carries });
  }

  #isEmpty({ id }: PlannedNode): boolean {
    const containers = [...(this.#deps.cluster.node(id)?.containers.values() ?? [])];
    return containers.every(({ isOfSwarm }) => isOfSwarm);
  }

  async #pause({ id }: PlannedNode, { before }: Run): Promise<void> {
    const node = this.#deps.cluster.node(id);
    if (node?.availability !== 'active') return;
    before.add(id);
    await this.#say(id, 'pause');
  }

  /** A node that is empty takes nothing any more; another one is as it was before, unless an operator said otherwise meanwhile. */
  async #settle(node: PlannedNode, { before }: Run): Promise<void> {
    if (this.#isEmpty(node)) await this.#say(node.id, 'drain');
    else if (before.has(node.id) && this.#deps.cluster.node(node.id)?.availability === 'pause')
      await this.#say(node.id, 'active');
  }

  async #say(id: string, availability: Availability): Promise<void> {
    const { nodes, logger } = this.#deps;
    try {
      const { setting, node } = nodes.find(id);
      if (node && node.availability !== availability)
        await nodes.update(id, setting?.version ?? FIRST_VERSION, { labels: setting?.labels ?? {}, availability });
    } catch (error) {
      logger.warn({ node: id, reason: reasonOf(error) }, `a node could not be set to ${availability}`);
    }
  }
}

/** Nodes that hold nothing once the plan is carried out, and are paid for no more. */
function leaving({ nodes }: CheapestPlan): readonly PlannedNode[] {
  return nodes.flatMap(({ id, name, fate }) => (fate === 'goes' ? [{ id, name }] : []));
}
