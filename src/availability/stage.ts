import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Decision, NodeView, PlacementRequest } from '../scheduler/types.ts';

/** The cluster as a planner sees it: what it has placed counts in what it decides next. */
export interface Stage {
  decide(request: PlacementRequest): Decision;
  /** `node` is one that was decided for. */
  place(node: NodeView, request: PlacementRequest, labels: Readonly<Record<string, string>>): void;
}

/** Lets a planner try placements in the live cluster, in one turn of the event loop: nobody else sees them, and none is left. */
export function onStage<T>(cluster: Cluster, placer: Placer<Node>, plan: (stage: Stage) => T): T {
  const releases: (() => void)[] = [];
  try {
    return plan({
      decide: (request) => placer.decide(request),
      // Without its name: by that it is one container, which is where it was.
      place: (node, { name: _, ...request }, labels) => {
        releases.push(cluster.beginPlacement(node as Node, request, labels).release);
      },
    });
  } finally {
    for (const release of releases) release();
  }
}
