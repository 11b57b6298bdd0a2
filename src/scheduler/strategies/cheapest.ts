import type { Strategy } from './strategy.ts';
import { fullness } from './strategy.ts';

/**
 * A node that is in use costs nothing more: the fullest of those that has room. Else the empty node that costs least; one whose price is not
 * known comes last.
 */
export const cheapestStrategy: Strategy = {
  name: 'cheapest',
  spreadsOverNodes: false,
  rank: (request) => {
    const full = fullness(request);
    return {
      weight: (loads, row) => (loads.containerCount(row) > 0 ? 0 : (loads.price(row) ?? Number.POSITIVE_INFINITY)),
      tieBreak: (loads, row) => -full(loads, row) - loads.containerCount(row) / 1e6,
    };
  },
};
