import pLimit, { type LimitFunction } from 'p-limit';
import { ConflictError } from '../common/errors.ts';
import { type Plan, type PlannedMove, unitsOf } from './plan.ts';

/** Moves at a time: to one node, and in all. */
const PER_NODE = 4;
const IN_ALL = 32;

export interface PlanExecution {
  /**
   * Carries out one move; rejects when the container is where it was.
   *
   * @param unit all that move as one with it, itself the first; most are alone
   */
  readonly move: (move: PlannedMove, unit: readonly PlannedMove[]) => Promise<unknown>;
  readonly onMoved: (move: PlannedMove) => void;
  readonly onFailed: (move: PlannedMove, error: unknown) => void;
}

/** A bounded number of moves at a time. */
class MoveLimits {
  readonly #inAll = pLimit(IN_ALL);
  readonly #perNode = new Map<string, LimitFunction>();

  run<T>(nodeId: string, move: () => Promise<T>): Promise<T> {
    const limit = this.#perNode.get(nodeId) ?? pLimit(PER_NODE);
    this.#perNode.set(nodeId, limit);
    return limit(() => this.#inAll(move));
  }
}

/**
 * Carries plans out, a bounded number of moves at a time over all of them. Containers on networks that span nodes have a bound of their own:
 * they may wait for the networks' quorum for a minute, and the others must not.
 */
export class PlanExecutor {
  readonly #limits = new MoveLimits();
  readonly #spanning = new MoveLimits();
  readonly #atOnce: LimitFunction;

  /** @param atOnce moves at a time beside the bounds that hold for all */
  constructor({ atOnce = Number.POSITIVE_INFINITY }: { readonly atOnce?: number } = {}) {
    this.#atOnce = pLimit(atOnce);
  }

  /**
   * Resolves when each move is made or has failed; never rejects. What a container needs on its node is moved before it; replicas of one
   * service go one after the other, in the plan's order.
   */
  async execute({ moves }: Plan, execution: PlanExecution): Promise<void> {
    const underWay = new Map<string, Promise<boolean>>();
    const lastOf = new Map<string, Promise<unknown>>();
    for (const unit of unitsOf(moves)) {
      const groups = unit.flatMap(({ group }) => group ?? []);
      const before = unit.flatMap(({ after = [] }) => after.flatMap((key) => underWay.get(key) ?? []));
      const replicas = groups.flatMap((group) => lastOf.get(group) ?? []);
      const moving = this.#moveAfter(before, replicas, unit, execution);
      for (const { container } of unit) underWay.set(container.key, moving);
      for (const group of groups) lastOf.set(group, moving);
    }
    await Promise.all(underWay.values());
  }

  async #moveAfter(
    before: readonly Promise<boolean>[],
    replicas: readonly Promise<unknown>[],
    unit: readonly [PlannedMove, ...PlannedMove[]],
    execution: PlanExecution,
  ): Promise<boolean> {
    const { move, onMoved, onFailed } = execution;
    try {
      if ((await Promise.all(before)).includes(false))
        throw new ConflictError('what it depends on was not moved', 'MOVE_REFUSED');
      await Promise.all(replicas);
      const [first] = unit;
      const limits = unit.some(({ spans }) => spans) ? this.#spanning : this.#limits;
      await this.#atOnce(() => limits.run(first.to.id, () => move(first, unit)));
    } catch (error) {
      for (const each of unit) onFailed(each, error);
      return false;
    }
    for (const each of unit) onMoved(each);
    return true;
  }
}
