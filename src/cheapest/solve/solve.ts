import { lowerBound } from './bound.ts';
import { solveExactly } from './exact.ts';
import { solveRoughly } from './heuristic.ts';
import { type OrderedMove, orderMoves } from './order.ts';
import { costOf, isCheaper, type Problem, type Solution } from './problem.ts';

/** More items than this, and only the bound says how good an answer is. */
const MOST_EXACT_ITEMS = 400;

export interface Answer {
  readonly solution: Solution;
  /** In an order in which each can be made, one after the other. */
  readonly moves: readonly OrderedMove[];
  /** Nothing can cost less, in millionths of the currency: of the nodes, and of moving. */
  readonly boundMicros: number;
  /** Nothing cheaper exists. */
  readonly isProven: boolean;
}

/** The cheapest answer that was found and can be reached move by move; undefined when none keeps the rules. */
export function solve(problem: Problem): Answer | undefined {
  const { best: rough, calm } = solveRoughly(problem);
  const exact =
    problem.items.length > MOST_EXACT_ITEMS ? { best: rough, isProven: false } : solveExactly(problem, rough);
  const bound = lowerBound(problem);
  const candidates = [exact.best, rough, calm].flatMap((each) => each ?? []);
  for (const solution of candidates.sort((a, b) => (isCheaper(a.cost, b.cost) ? -1 : 1))) {
    const moves = orderMoves(problem, solution.placement);
    if (!moves) continue;
    const isBest = exact.best !== undefined && !isCheaper(exact.best.cost, solution.cost);
    const { micros } = solution.cost;
    const isProven = (exact.isProven && isBest) || micros <= bound;
    return { solution, moves, boundMicros: isProven ? micros : Math.min(bound, micros), isProven };
  }
  return undefined;
}

/** What there is costs, with nothing moved. */
export function costNow(problem: Problem): number {
  const placement = Int32Array.from(problem.items, ({ node }) => node);
  const open = Uint8Array.from(problem.nodes, ({ isNew }) => (isNew ? 0 : 1));
  return costOf(problem, placement, open).micros;
}
