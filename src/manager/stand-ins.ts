import type { NetworkPlacement, VolumePlacement } from '../lifecycle/ports.ts';

export const NO_NETWORKS: NetworkPlacement = {
  homesOf: () => [],
  prepareAttach: () => Promise.resolve(),
  split: (body) => ({ body, connects: [] }),
  retryDelayMs: () => undefined,
};
export const NO_VOLUMES: VolumePlacement = {
  homesOf: () => [],
  claim: () => ({ undo: () => undefined }),
  settle: () => Promise.resolve(),
};
