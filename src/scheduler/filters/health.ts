import type { Check, Filter } from './filter.ts';

const check: Check = {
  accepts: (node) => node.isHealthy,
  explain: () => 'unhealthy',
};

/** Only engines that answer take new containers. */
export const healthFilter: Filter = { name: 'health', prepare: () => check };
