import type { Services } from '../api/call.ts';
import { computeBill } from '../prices/bill.ts';
import { type PageHandler, type PageRoutes, readObject, sendNothing, sendValue } from './calls.ts';
import { pagePlans } from './page-plans.ts';
import { pathParam } from './params.ts';
import type { PassedCalls } from './passed-calls.ts';
import type { Bill } from './protocol.ts';
import { shownBillOf } from './shown-bill.ts';

/** Plans and what they would do, the bill, and what an operator says of nodes. */
export function planCalls(services: Services, { ask }: Pick<PassedCalls, 'ask'>): PageRoutes {
  const { prices, billFacts, clock, toPrimary } = services;
  const plans = pagePlans(services);
  // What is lost, braked or under way is known to the primary alone.
  const here =
    (target: (id: string) => string, name: string, handler: PageHandler): PageHandler =>
    (call) => {
      if (!toPrimary || toPrimary.isPrimary) return handler(call);
      return ask(call, `/enxame/v1/page/${target(encodeURIComponent(pathParam(call, name)))}`);
    };
  return {
    'GET plans': async ({ res }) => sendValue(res, plans.kinds),
    'GET plans/:kind': (call) => {
      const nodes = new URLSearchParams(call.query.getAll('node').map((node): [string, string] => ['node', node]));
      const view: PageHandler = async ({ res, signal }) =>
        sendValue(res, await plans.view(pathParam(call, 'kind'), nodes.getAll('node'), signal));
      return here((kind) => `plans/${kind}?${nodes}`, 'kind', view)(call);
    },
    'POST plans/:kind/apply': here(
      (kind) => `plans/${kind}/apply`,
      'kind',
      async (call) => {
        await plans.apply(pathParam(call, 'kind'), await readObject(call.req), call.signal);
        sendValue(call.res, {}, 202);
      },
    ),
    'GET bill': async ({ res }) => {
      const book = await prices.book();
      const bill: Bill = shownBillOf(computeBill(billFacts.read(), book), clock.now());
      sendValue(res, bill);
    },
    'POST nodes/:id/availability': here(
      (id) => `nodes/${id}/availability`,
      'id',
      async (call) => {
        await plans.setAvailability(pathParam(call, 'id'), await readObject(call.req));
        sendNothing(call.res);
      },
    ),
  };
}
