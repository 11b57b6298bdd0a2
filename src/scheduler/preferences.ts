import { BadRequestError } from '../common/errors.ts';
import type { Expression } from './expression.ts';
import type { Check, Condition } from './filters/filter.ts';
import type { NodeView } from './types.ts';

/** More would not fit into the exact integers {@link Preferences.penalty} counts with. */
const MAX_PREFERENCES = 40;

/**
 * The soft expressions of one request. As few as possible are given up; among equally many, those that stand last
 * (affinities come before constraints, each in the order written).
 */
export class Preferences {
  readonly #conditions: readonly Condition[];
  readonly #stays: ReadonlySet<string> | undefined;

  /** @param stays nodes to stay on: the last preference, after all that the client wrote */
  constructor(checks: readonly Check[], stays?: ReadonlySet<string>) {
    this.#stays = stays;
    this.#conditions = checks.flatMap((check) => check.preferences ?? []);
    if (this.#conditions.length > MAX_PREFERENCES) {
      throw new BadRequestError(`More than ${MAX_PREFERENCES} soft (~) expressions`, 'BAD_EXPRESSION');
    }
  }

  /** 0 = all met. The number of unmet ones decides; then, bit by bit, whether earlier ones are among them. */
  penalty(node: NodeView): number {
    let missed = 0;
    let order = 0;
    for (const condition of this.#conditions) {
      order *= 2;
      if (condition.accepts(node)) continue;
      missed += 1;
      order += 1;
    }
    const written = missed * 2 ** this.#conditions.length + order;
    return this.#stays === undefined ? written : 2 * written + (this.#stays.has(node.id) ? 0 : 1);
  }

  /** Those the node does not meet. */
  missedBy(node: NodeView): readonly Expression[] {
    return this.#conditions.filter((condition) => !condition.accepts(node)).map(({ expression }) => expression);
  }
}
