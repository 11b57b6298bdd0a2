import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { MoveTerms } from '../desired/move-terms.ts';
import type { Arrival, ContainerRecord } from '../desired/record.ts';
import { successorSpec } from '../lifecycle/move-successor.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Availability } from '../scheduler/types.ts';
import type { BrakeForecast } from './brake-forecast.ts';
import type { Plan, PlannedMove, PlannedNode, PlannedStay } from './plan.ts';
import type { PlanLostDeps } from './plan-lost.ts';
import type { Planning } from './planning.ts';

/** A node in an explanation. */
export interface ExplainedNode extends PlannedNode {
  readonly state: string;
  /** Why it is not healthy; empty when it is. */
  readonly reason: string;
  readonly availability: Availability;
}

/** What the scheduler says of a node for a container. */
export interface NodeVerdict extends PlannedNode {
  /** Whether the container is there. */
  readonly isOwn: boolean;
  /** Why it could not go there now; null when it could, and of its own node. */
  readonly refusal: string | null;
  /** Soft expressions that the node does not meet. */
  readonly missed: readonly string[];
}

/** Why a container is where it is, and what would become of it. */
export interface ContainerExplanation {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly node: ExplainedNode;
  /** Null for a container that was not created through the cluster: nothing is recorded of it. */
  readonly record: {
    readonly wanted: ContainerRecord['wanted'];
    readonly generation: number;
    readonly terms: MoveTerms;
    /** Null where it was created. */
    readonly arrived: (Omit<Arrival, 'from' | 'atMs'> & { readonly from: PlannedNode; readonly at: string }) | null;
  } | null;
  readonly nodes: readonly NodeVerdict[];
  /** If its node were lost now. */
  readonly ifLost: Pick<PlannedMove, 'to' | 'loses'> | Pick<PlannedStay, 'why' | 'waits'>;
}

/** What a node is, and what would become of its containers. */
export interface NodeExplanation extends ExplainedNode {
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containers: number;
  /** If it were lost now. */
  readonly plan: Plan;
  readonly brake: BrakeForecast;
}

export interface ExplainDeps extends PlanLostDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly placer: Placer<Node>;
  readonly planning: Pick<Planning, 'drill'>;
  readonly forecast: (lost: ReadonlySet<string>) => BrakeForecast;
}

/** Says why things are as they are; changes nothing. */
export class Explainer {
  readonly #deps: ExplainDeps;

  constructor(deps: ExplainDeps) {
    this.#deps = deps;
  }

  /** By ID, name or prefix. Throws 404 for an unknown one. */
  async container(reference: string): Promise<ContainerExplanation> {
    const { cluster, desired, planning } = this.#deps;
    const container = cluster.container(reference);
    const { id, name, state, node } = container;
    const record = desired.index.byId(id);
    const plan = await planning.drill([node]);
    return {
      id,
      name,
      state,
      node: explained(node),
      record: record ? this.#recorded(record) : null,
      nodes: record ? await this.#verdicts(container, record) : [],
      ifLost: fateOf(id, plan),
    };
  }

  async node(node: Node): Promise<NodeExplanation> {
    const { planning, forecast } = this.#deps;
    return {
      ...explained(node),
      address: node.address,
      labels: Object.fromEntries(node.labels),
      containers: node.containers.size,
      plan: await planning.drill([node]),
      brake: forecast(new Set([node.id])),
    };
  }

  #recorded({ wanted, current, terms, arrived }: ContainerRecord): ContainerExplanation['record'] {
    const { generation } = current;
    if (!arrived) return { wanted, generation, terms, arrived: null };
    const { from, why, atMs } = arrived;
    const name = this.#deps.cluster.node(from)?.name ?? from;
    const at = new Date(atMs).toISOString();
    return { wanted, generation, terms, arrived: { why, from: { id: from, name }, at } };
  }

  async #verdicts({ id, node: own }: Container, record: ContainerRecord): Promise<readonly NodeVerdict[]> {
    const { cluster, leases, placer, networks, volumes } = this.#deps;
    try {
      const { spec } = await successorSpec(this.#deps, record);
      const { name: _, ...placement } = spec.placement;
      const judgements = placer.judge({
        ...placement,
        homes: [...volumes.homesOf(spec.volumes), ...networks.homesOf(spec.networks)],
        excluded: new Map([
          ...networks.refusalsFor(spec.networks),
          ...(record.terms.isStrict ? leases.refusals() : []),
        ]),
        replaces: new Set([id]),
      });
      return judgements.map(({ node, refusal, missed }) => ({
        id: node.id,
        name: node.name,
        isOwn: node === own,
        refusal: node === own ? null : (refusal?.explanation ?? null),
        missed: missed.map(({ text }) => text),
      }));
    } catch (error) {
      const refusal = reasonOf(error);
      const others = cluster.nodes.filter((node) => node !== own);
      return others.map(({ id: nodeId, name }) => ({ id: nodeId, name, isOwn: false, refusal, missed: [] }));
    }
  }
}

function explained({ id, name, state, reason, availability }: Node): ExplainedNode {
  return { id, name, state, reason, availability };
}

function fateOf(id: string, { moves, stays }: Plan): ContainerExplanation['ifLost'] {
  const move = moves.find(({ container }) => container.id === id);
  if (move) return { to: move.to, loses: move.loses };
  const stay = stays.find(({ container }) => container.id === id);
  return { why: stay?.why ?? 'its create is under way', waits: stay?.waits ?? false };
}
