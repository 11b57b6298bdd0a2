import type { Node } from '../cluster/node.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { Plan, PlannedNode, PlannedStay, PlanReason } from './plan.ts';
import { type PlanLostDeps, planLost } from './plan-lost.ts';

/** Makes plans over the cluster as it is now. */
export class Planning {
  readonly #deps: PlanLostDeps;
  readonly #policy: MovePolicy;

  /** @param policy the cluster's, for containers that say nothing */
  constructor(deps: PlanLostDeps, policy: MovePolicy) {
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

  /** Where what is on these nodes would go if they were lost now. */
  drill(nodes: readonly Node[]): Promise<Plan> {
    return this.#plan({ kind: 'drill', lost: named(nodes) }, nodes);
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
