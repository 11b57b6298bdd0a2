import type { PlacementRequest } from '../types.ts';
import type { Check, Filter } from './filter.ts';

/** Only the nodes whose names are listed. */
export const whitelistFilter: Filter = {
  name: 'whitelist',
  prepare({ whitelists }: PlacementRequest): Check | undefined {
    if (whitelists.length === 0) return undefined;
    return {
      accepts: (node) => whitelists.every(({ names }) => names.has(node.name)),
      explain: () => `not in the whitelist ${whitelists.map(({ text }) => text).join(' and ')}`,
    };
  },
};
