import type { Services } from '../api/call.ts';
import { readCheapestRequest } from '../api/cheapest-request.ts';
import { acceptCheapest } from '../cheapest/accept.ts';
import type { CheapestNode, CheapestPlan } from '../cheapest/cheapest-plan.ts';
import { HOURS_PER_MONTH } from '../prices/price.ts';
import { type PlanSource, type SourcedPlan, sourced } from './plan-source.ts';

/** What the cluster could cost less by, with the nodes that it has. */
export function cheapestPlans({ cheapest, runs }: Services): PlanSource {
  return {
    kind: 'cheapest',
    takes: 'nothing',
    make: async (_nodes, signal) => {
      const made = await cheapest.plan(readCheapestRequest({}), signal);
      return { plan: shown(made), apply: () => acceptCheapest(runs, made) };
    },
  };
}

function shown(made: CheapestPlan): SourcedPlan {
  const { nodes, cost, notes, idle } = made;
  const money = (amount: number): { readonly amount: string; readonly currency: string } => ({
    amount: amount.toFixed(2),
    currency: cost.currency,
  });
  return {
    ...sourced(made, [], null),
    machines: nodes.map(({ name, fate, monthly, price }) => ({
      change: CHANGES[fate],
      name,
      type: price,
      domains: [],
      hourly: monthly === null ? null : { ...money(monthly), amount: (monthly / HOURS_PER_MONTH).toFixed(4) },
    })),
    cost: { before: money(cost.monthlyBefore), after: money(cost.monthlyAfter), unit: 'month' },
    notes: [...(idle === undefined ? [] : [idle]), ...notes],
  };
}

const CHANGES = { stays: 'keep', goes: 'remove', made: 'add', 'left-out': 'keep' } as const satisfies Record<
  CheapestNode['fate'],
  string
>;
