import type { Strategy } from './strategy.ts';
import { fullness } from './strategy.ts';

/** The fullest node that still has room, then the one with the most containers: large requests find free nodes. */
export const binpackStrategy: Strategy = {
  name: 'binpack',
  spreadsOverNodes: false,
  rank: (request) => {
    const full = fullness(request);
    return { weight: (loads, row) => -full(loads, row), tieBreak: (loads, row) => -loads.containerCount(row) };
  },
};
