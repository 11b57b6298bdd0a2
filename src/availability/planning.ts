import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { Plan, PlannedNode, PlannedStay, PlanReason } from './plan.ts';
import { type LiveDeps, liveCandidates, liveQuestions } from './plan-live.ts';
import { planLost } from './plan-lost.ts';
import { planMove } from './plan-move.ts';
import { planRebalance } from './plan-rebalance.ts';
import { balanceMembers, balanceNodes } from './spread-now.ts';
import { onStage } from './stage.ts';

/** What a person wants moved. */
export interface MoveWish {
  readonly containers: readonly Container[];
  /** The node; undefined leaves it to the scheduler. */
  readonly to?: Node | undefined;
  /** Nodes that are meant; undefined means all. */
  readonly among?: readonly Node[] | undefined;
}

/** What a person says of a rebalance. */
export interface RebalanceWish {
  /** At most so many moves. */
  readonly maxMoves: number;
  /** Nodes that are meant, as the place to leave and to go to; undefined means all. */
  readonly among?: readonly Node[] | undefined;
  /** Whether what has data in volumes moves, too. */
  readonly carries: boolean;
}

/** Makes plans over the cluster as it is now. */
export class Planning {
  readonly #deps: LiveDeps;
  readonly #policy: MovePolicy;

  /** @param policy the cluster's, for containers that say nothing */
  constructor(deps: LiveDeps, policy: MovePolicy) {
    this.#deps = deps;
    this.#policy = policy;
  }

  /** Where these containers go: of lost nodes, or of such as are back without their data. */
  failover(
    nodes: { readonly lost: readonly PlannedNode[]; readonly emptied: readonly PlannedNode[] },
    records: readonly ContainerRecord[],
  ): Promise<Plan> {
    return planLost(this.#deps, this.#policy, { kind: 'failover', ...nodes }, records);
  }

  /** Where what is on these nodes goes when they are to be empty. */
  drain(nodes: readonly Node[]): Promise<Plan> {
    return this.#plan({ kind: 'drain', nodes: named(nodes) }, nodes);
  }

  /** Where goes, with its volumes, what a drain of these nodes leaves on them because of those. */
  async drainWithVolumes(nodes: readonly Node[]): Promise<Plan> {
    const { cluster, placer } = this.#deps;
    const left = (await this.drain(nodes)).stays.flatMap(({ container, isIdle }) =>
      isIdle ? [] : (cluster.findContainer(container.id) ?? []),
    );
    const { candidates, stays } = await liveCandidates(this.#deps, left, {
      carries: true,
      together: true,
      policy: this.#policy,
    });
    const excluded = new Map(nodes.map(({ id }) => [id, 'drained']));
    const isMeant = (nodeId: string): boolean => !excluded.has(nodeId);
    const questions = liveQuestions(this.#deps);
    const plan = await onStage(cluster, placer, (stage) =>
      planMove({ candidates, stays, excluded, isMeant, stage, questions }),
    );
    return { ...plan, reason: { kind: 'drain', nodes: named(nodes) } };
  }

  /** Where what is on these nodes would go if they were lost now. */
  drill(nodes: readonly Node[]): Promise<Plan> {
    return this.#plan({ kind: 'drill', lost: named(nodes) }, nodes);
  }

  /** Where containers go that a person wants elsewhere, with their volumes. */
  async move({ containers, to, among }: MoveWish): Promise<Plan> {
    const { cluster, placer } = this.#deps;
    const { candidates, stays } = await liveCandidates(this.#deps, containers, { carries: true, together: true });
    const meant = to ? [to] : among;
    const isMeant = (nodeId: string): boolean => !meant || meant.some(({ id }) => id === nodeId);
    const others = cluster.nodes.filter(({ id }) => !isMeant(id));
    const excluded = new Map(others.map(({ id }) => [id, 'not meant']));
    const place = to && { id: to.id, name: to.name };
    const questions = liveQuestions(this.#deps);
    return onStage(cluster, placer, (stage) =>
      planMove({ candidates, stays, excluded, isMeant, to: place, stage, questions }),
    );
  }

  /** The moves that restore the spread. */
  async rebalance({ maxMoves, among, carries }: RebalanceWish): Promise<Plan> {
    const { cluster, placer, desired } = this.#deps;
    const containers = (among ?? cluster.nodes).flatMap((node) =>
      node.isHealthy
        ? [...node.containers.values()].filter(({ id, isOfSwarm }) => !isOfSwarm && desired.index.byId(id))
        : [],
    );
    const { candidates, stays } = await liveCandidates(this.#deps, containers, {
      carries,
      together: false,
      policy: this.#policy,
    });
    const questions = liveQuestions(this.#deps);
    return onStage(cluster, placer, (stage) =>
      planRebalance({
        nodes: balanceNodes(cluster, among),
        members: balanceMembers(cluster),
        candidates,
        stays,
        spreadsOverNodes: placer.spreadsOverNodes,
        maxMoves,
        stage,
        questions,
      }),
    );
  }

  async #plan(reason: PlanReason, nodes: readonly Node[]): Promise<Plan> {
    const { desired } = this.#deps;
    const records = nodes.flatMap(({ id }) => desired.index.onNode(id));
    const plan = await planLost(this.#deps, this.#policy, reason, records);
    return { ...plan, stays: [...plan.stays, ...nodes.flatMap((node) => this.#unrecorded(node))] };
  }

  /** Containers that were not made through the cluster are left alone. */
  #unrecorded({ id, name, containers }: Node): readonly PlannedStay[] {
    const { index } = this.#deps.desired;
    return [...containers.values()].flatMap((container) => {
      if (container.isOfSwarm || index.byId(container.id)) return [];
      const { id: containerId, name: containerName, state } = container;
      const why = 'nothing is recorded of it: it was not created through this cluster';
      const named = { key: '', id: containerId, name: containerName };
      return { container: named, node: { id, name }, why, waits: false, ...(state !== 'running' && { isIdle: true }) };
    });
  }
}

function named(nodes: readonly Node[]): readonly PlannedNode[] {
  return nodes.map(({ id, name }) => ({ id, name }));
}
