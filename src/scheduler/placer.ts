import { parsePlacement } from './placement.ts';
import { toError } from './refusal.ts';
import { judge, refusalOn, type SchedulerOptions, schedule } from './scheduler.ts';
import type { ClusterView, Decision, Judgement, NodeView, PlacementRequest } from './types.ts';

/** Decisions so far; the numbers only grow. */
export interface DecisionTally {
  placed: number;
  /** Refusals, each counted for the filter that refused most of the nodes; under `nodes` when there were none. */
  readonly refused: Map<string, number>;
}

/**
 * Chooses nodes in one cluster by the rules of one manager. It records nothing: callers do, before they await anything, so that
 * the next choice sees theirs.
 */
export class Placer<N extends NodeView = NodeView> {
  readonly tally: DecisionTally = { placed: 0, refused: new Map() };
  readonly #cluster: ClusterView<N>;
  readonly #options: SchedulerOptions;

  /** @param cluster read anew for every choice */
  constructor(cluster: ClusterView<N>, options: SchedulerOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Whether containers that reserve nothing, and replicas of one service, avoid each other's nodes. */
  get spreadsOverNodes(): boolean {
    return this.#options.strategy.spreadsOverNodes;
  }

  /** The node, or an explanation why there is none. */
  decide(request: PlacementRequest): Decision<N> {
    const decision = schedule(request, this.#cluster, this.#options);
    if (decision.kind === 'placed') this.tally.placed += 1;
    else this.#countRefusal(decision.reasons[0]?.filter ?? 'nodes');
    return decision;
  }

  /** What is said of every node. */
  judge(request: PlacementRequest): readonly Judgement<N>[] {
    return judge(request, this.#cluster, this.#options);
  }

  /** Why one node may not take it, in words; undefined when it may. */
  refusalOn(request: PlacementRequest, node: N): string | undefined {
    return refusalOn(request, this.#cluster, this.#options, node);
  }

  /** The node. Throws a `SchedulingError` with the explanation when there is none. */
  choose(request: PlacementRequest): N {
    const decision = this.decide(request);
    if (decision.kind === 'refused') throw toError(decision);
    return decision.node;
  }

  /** A node for a volume or a network that lives on one, honouring the scheduling expressions in its labels. Throws as {@link choose}. */
  chooseByLabels(labels: Readonly<Record<string, string>>): N {
    return this.choose(parsePlacement({ Labels: labels }).request);
  }

  #countRefusal(filter: string): void {
    this.tally.refused.set(filter, (this.tally.refused.get(filter) ?? 0) + 1);
  }
}
