import { onStage } from '../availability/stage.ts';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { CheapestPlan } from './cheapest-plan.ts';
import type { Observed } from './observe.ts';

/** A move that the scheduler of the live cluster would refuse. */
export interface RefusedMove {
  readonly key: string;
  readonly nodeId: string;
}

/**
 * Asks the live cluster's scheduler for every move of a plan, one after the other, each counting in the next; nothing is left of it. Not
 * asked is what the moves themselves bring about: to be near containers that come along, and room on nodes that others leave first.
 */
export function rehearse(
  { cluster, placer }: { readonly cluster: Cluster; readonly placer: Placer<Node> },
  { moves }: CheapestPlan,
  { requests }: Pick<Observed, 'requests'>,
): readonly RefusedMove[] {
  const replaces = new Set(moves.map(({ container }) => container.id));
  const left = new Set(moves.map(({ from }) => from.id));
  return onStage(cluster, placer, (stage) =>
    moves.flatMap(({ container: { key }, to }) => {
      const node = cluster.node(to.id);
      const asked = requests.get(key);
      // A machine that is still to be made is asked when it is there.
      if (!node || !asked || left.has(to.id)) return [];
      const { name: _, ...placement } = asked.placement;
      const affinities = placement.affinities.filter(
        ({ operator, key: about }) => operator === '!=' || about === 'image',
      );
      const why = placer.refusalOn({ ...placement, dependencies: [], affinities, replaces }, node);
      if (why !== undefined) return { key, nodeId: to.id };
      stage.place(node, asked.placement, asked.labels);
      return [];
    }),
  );
}
