import type { Bill as ComputedBill } from '../prices/bill.ts';
import { shownBill } from '../prices/shown-bill.ts';
import type { Bill, Money } from './protocol.ts';

/** A bill as a page shows it: what a month costs. */
export function shownBillOf(computed: ComputedBill, nowMs: number): Bill {
  const { total, nodes, projects, rates, warnings } = shownBill(computed, nowMs);
  const money = ({ currency, perMonth }: { readonly currency: string; readonly perMonth: string }): Money => ({
    amount: perMonth,
    currency,
  });
  return {
    at: nowMs,
    unit: 'month',
    total: total.amounts.map(money),
    idle: total.amounts.map(({ currency, idlePerMonth }) => ({ amount: idlePerMonth, currency })),
    nodes: nodes.map(({ id, name, provider, region, instanceType, amount, source, asOf, unknown, reserved }) => ({
      id,
      name,
      type: instanceType,
      domains: [provider, region].filter((each) => each !== ''),
      reserved,
      cost: amount ? money(amount) : null,
      source: unknown ?? [source, asOf].filter((each) => each !== undefined).join(', '),
    })),
    shares: projects.flatMap(({ name, amounts }) => amounts.map((amount) => ({ name, cost: money(amount) }))),
    notes: [...warnings, ...rates],
  };
}
