import type { Cluster } from '../cluster/cluster.ts';
import type { ImageSource, NetworkPlacement, VolumePlacement } from '../lifecycle/ports.ts';

export const NO_IMAGES = (cluster: Cluster): ImageSource => ({
  isKnown: (reference) => cluster.images.find(reference) !== undefined,
  labelsOf: () => ({}),
  ensureOn: () => Promise.resolve(),
});
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
