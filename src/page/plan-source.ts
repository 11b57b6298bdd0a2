import type { Services } from '../api/call.ts';
import type { Plan } from '../availability/plan.ts';
import type { Node } from '../cluster/node.ts';
import { versionOf } from '../cluster/node-directory.ts';
import { ConflictError } from '../common/errors.ts';
import type { PlanView } from './protocol.ts';

/** A plan as its source makes it; its digest is the page's. */
export type SourcedPlan = Omit<PlanView, 'digest' | 'kind'>;

/** Makes plans of one kind, and carries them out. Whatever plans something gets one, and pages show it. */
export interface PlanSource {
  /** A word for paths: `drain`. */
  readonly kind: string;
  readonly takes: 'nodes' | 'nothing';
  /** Changes nothing. */
  make(nodes: readonly Node[], signal: AbortSignal): Promise<SourcedPlan>;
  /** Begins what the plan says and does not wait for its end; undefined where pages only look. Throws 409 when it cannot. */
  readonly apply?: (nodes: readonly Node[], signal: AbortSignal) => Promise<void>;
}

/** The plans of availability: what a drain, a loss, or the loss at hand would move. */
export function availabilityPlans({
  planning,
  failover,
  drills,
  nodes: directory,
  cluster,
}: Services): readonly PlanSource[] {
  return [
    {
      kind: 'drain',
      takes: 'nodes',
      make: async (nodes) => {
        directory.assertDrainable(nodes.map(({ id }) => directory.find(id)));
        return sourced(await planning.drain(nodes), nodes, null);
      },
      apply: async (nodes) => {
        for (const { id } of nodes) {
          const known = directory.find(id);
          const labels = known.setting?.labels ?? {};
          await directory.update(id, versionOf(known), { labels, availability: 'drain' });
        }
      },
    },
    {
      kind: 'drill',
      takes: 'nodes',
      make: async (nodes) => {
        const { holds, left, of } = failover.brake.forecast(new Set(nodes.map(({ id }) => id)));
        const brake = holds ? `${left} of ${of} nodes would answer` : null;
        return sourced(await planning.drill(nodes), nodes, brake);
      },
      apply: async (nodes) => drills.begin(nodes, {}),
    },
    {
      kind: 'failover',
      takes: 'nothing',
      make: async () => {
        const { lost, brake } = failover.view();
        const nodes = lost.flatMap(({ id }) => cluster.node(id) ?? []);
        return sourced(await planning.drill(nodes), nodes, brake);
      },
      apply: async () => {
        if (failover.view().brake === null)
          throw new ConflictError('the brake is off: what can be moved is moved already', 'NOT_BRAKED');
        failover.resume();
      },
    },
  ];
}

function sourced({ moves, stays }: Plan, nodes: readonly Node[], brake: string | null): SourcedPlan {
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
