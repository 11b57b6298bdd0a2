import type { Strategy } from './strategy.ts';

/** Any node that passes the filters, each as likely as the others. */
export const randomStrategy: Strategy = {
  name: 'random',
  spreadsOverNodes: false,
  rank: (_request, random) => ({ weight: () => random(), tieBreak: () => 0 }),
};
