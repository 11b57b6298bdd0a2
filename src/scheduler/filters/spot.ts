import { isSpot } from '../spot-rule.ts';
import type { ClusterView, PlacementRequest } from '../types.ts';
import type { Check, Filter } from './filter.ts';

/** `io.enxame.spot`: which part of a service may be on machines that their provider may take back. */
export const spotFilter: Filter = {
  name: 'spot',
  prepare(request: PlacementRequest, cluster: ClusterView): Check | undefined {
    const { spot } = request;
    if (spot === undefined || spot.share >= 1) return undefined;
    if (mayBeOnSpot(request, spot.share, cluster)) return undefined;
    return {
      accepts: (node) => !isSpot(node),
      explain: () =>
        `its provider may take it back (label spot=true), and the container has io.enxame.spot=${spot.text}`,
    };
  },
};

/** Whether one more of the group may be on such a node, once the container counts. */
function mayBeOnSpot({ group, replaces }: PlacementRequest, share: number, cluster: ClusterView): boolean {
  if (share === 0 || group === undefined) return false;
  let all = 1;
  let onSpot = 1;
  for (const [row, count] of cluster.groupMembers(group, replaces)) {
    const node = cluster.nodes[row];
    all += count;
    if (node && isSpot(node)) onSpot += count;
  }
  return onSpot <= Math.floor(all * share + 1e-9);
}
