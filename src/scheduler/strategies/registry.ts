import { UsageError } from '../../common/errors.ts';
import { binpackStrategy } from './binpack.ts';
import { cheapestStrategy } from './cheapest.ts';
import { randomStrategy } from './random.ts';
import { spreadStrategy } from './spread.ts';
import type { Strategy } from './strategy.ts';

const STRATEGIES: ReadonlyMap<string, Strategy> = new Map([
  ['spread', spreadStrategy],
  ['binpack', binpackStrategy],
  ['binpacking', binpackStrategy],
  ['random', randomStrategy],
  ['cheapest', cheapestStrategy],
]);

/** Names for help texts. */
export const STRATEGY_NAMES: readonly string[] = ['spread', 'binpack', 'random', 'cheapest'];

/** The strategy of this name (`binpacking` is an old name of `binpack`). Throws {@link UsageError}. */
export function selectStrategy(name: string): Strategy {
  const strategy = STRATEGIES.get(name);
  if (strategy === undefined) {
    throw new UsageError(`Unknown strategy '${name}': use one of ${STRATEGY_NAMES.join(', ')}`);
  }
  return strategy;
}
