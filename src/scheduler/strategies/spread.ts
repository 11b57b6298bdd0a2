import type { Strategy } from './strategy.ts';
import { fullness } from './strategy.ts';

/** The emptiest node, then the one with the fewest containers: a lost node takes little with it. */
export const spreadStrategy: Strategy = {
  name: 'spread',
  spreadsOverNodes: true,
  rank: (request) => ({ weight: fullness(request), tieBreak: (loads, row) => loads.containerCount(row) }),
};
