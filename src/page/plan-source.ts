import type { Services } from '../api/call.ts';
import type { Plan } from '../availability/plan.ts';
import type { Node } from '../cluster/node.ts';
import { versionOf } from '../cluster/node-directory.ts';
import { ConflictError } from '../common/errors.ts';
import type { PlanView } from './protocol.ts';

/** A plan as its source makes it; its digest is the page's. */
export type SourcedPlan = Omit<PlanView, 'digest' | 'kind'>;

/** A plan, and how it is carried out. */
export interface MadePlan {
  readonly plan: SourcedPlan;
  /** Begins what the plan says and does not wait for its end. Throws 409 when it cannot. */
  readonly apply: () => Promise<unknown>;
}

/** Makes plans of one kind. Whatever plans something gets one, and pages show it. */
export interface PlanSource {
  /** A word for paths: `drain`. */
  readonly kind: string;
  readonly takes: 'nodes' | 'nothing';
  /** Changes nothing. */
  make(nodes: readonly Node[], signal: AbortSignal): Promise<MadePlan>;
}

/** Moves of one rebalance; another one follows if they were not enough. */
const MOST_MOVES = 100;
/** Of a plan that was applied: moves at a time, and how long volumes are kept where they were. */
const RUN = { atOnce: 1, keepSourceMs: 86_400_000 } as const;

/** The plans of availability: what a drain, a loss, the loss at hand, or a rebalance would move. */
export function availabilityPlans(services: Services): readonly PlanSource[] {
  const { planning, failover, nodes: directory, cluster, runs } = services;
  return [
    {
      kind: 'drain',
      takes: 'nodes',
      make: async (nodes) => {
        directory.assertDrainable(nodes.map(({ id }) => directory.find(id)));
        return { plan: sourced(await planning.drain(nodes), nodes, null), apply: () => drain(nodes) };
      },
    },
    drillPlans(services),
    {
      kind: 'failover',
      takes: 'nothing',
      make: async () => {
        const { lost, brake } = failover.view();
        const nodes = lost.flatMap(({ id }) => cluster.node(id) ?? []);
        const apply = async (): Promise<void> => {
          if (failover.view().brake === null)
            throw new ConflictError('the brake is off: what can be moved is moved already', 'NOT_BRAKED');
          failover.resume();
        };
        return { plan: sourced(await planning.drill(nodes), nodes, brake), apply };
      },
    },
    {
      kind: 'rebalance',
      takes: 'nothing',
      make: async () => {
        const made = await planning.rebalance({ maxMoves: MOST_MOVES, among: undefined, carries: false });
        const apply = async (): Promise<void> => {
          if (made.moves.length === 0) throw new ConflictError('there is nothing to move', 'NOTHING_TO_DO');
          await runs.accept(made, RUN);
        };
        return { plan: sourced(made, [], null), apply };
      },
    },
  ];

  async function drain(nodes: readonly Node[]): Promise<void> {
    for (const { id } of nodes) {
      const known = directory.find(id);
      const labels = known.setting?.labels ?? {};
      await directory.update(id, versionOf(known), { labels, availability: 'drain' });
    }
  }
}

/** What a loss of nodes would move. */
export function drillPlans({ planning, failover, drills }: Services): PlanSource {
  return {
    kind: 'drill',
    takes: 'nodes',
    make: async (nodes) => {
      const { holds, left, of } = failover.brake.forecast(new Set(nodes.map(({ id }) => id)));
      const brake = holds ? `${left} of ${of} nodes would answer` : null;
      const plan = sourced(await planning.drill(nodes), nodes, brake);
      return { plan, apply: async () => drills.begin(nodes, {}) };
    },
  };
}

/** A plan as pages show it; without machines and money. */
export function sourced({ moves, stays }: Plan, nodes: readonly Node[], brake: string | null): SourcedPlan {
  return {
    nodes: nodes.map(({ id, name }) => ({ id, name })),
    moves: moves.map(({ container, from, to, how, why, loses, copies = [], estimate = {} }) => ({
      container: { id: container.id, name: container.name },
      from,
      to,
      how,
      why,
      loses,
      copies: copies.map(({ volume, bytes }) => ({ volume, bytes: bytes ?? null })),
      durationMs: estimate.durationMs ?? null,
      downtimeMs: estimate.downtimeMs ?? null,
    })),
    stays: stays.map(({ container, node, why, waits }) => ({
      container: { id: container.id, name: container.name },
      node,
      why,
      waits,
    })),
    machines: [],
    cost: null,
    brake,
    notes: [],
  };
}
