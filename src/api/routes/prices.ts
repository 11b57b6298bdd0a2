import { computeBill } from '../../prices/bill.ts';
import { shownBill } from '../../prices/shown-bill.ts';
import { sendJson, sendStatus } from '../answer.ts';
import { readJson } from '../body.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** What nodes cost. */
export const priceRoutes: RouteHandlers = {
  'GET /enxame/v1/prices': showPrices,
  'POST /enxame/v1/prices': keepList,
  'DELETE /enxame/v1/prices/{provider}': removeLists,
  'GET /enxame/v1/bill': showBill,
  'GET /enxame/v1/bill/facts': showFacts,
};

/** All that the manager knows of prices, a `PriceBookData`. */
async function showPrices({ res, services }: Call): Promise<void> {
  sendJson(res, 200, JSON.stringify((await services.prices.book()).data));
}

async function keepList(call: Call): Promise<void> {
  await call.services.prices.put((await readJson(call)).value);
  sendStatus(call.res, 204);
}

async function removeLists(call: Call): Promise<void> {
  await call.services.prices.remove(param(call, 'provider'));
  sendStatus(call.res, 204);
}

/** `?currency=EUR`: everything in one currency, or a refusal. */
async function showBill({ res, query, services }: Call): Promise<void> {
  const book = await services.prices.book();
  const bill = computeBill(services.billFacts.read(), book, { currency: query.get('currency') ?? undefined });
  sendJson(res, 200, JSON.stringify(shownBill(bill, services.clock.now())));
}

async function showFacts({ res, services }: Call): Promise<void> {
  sendJson(res, 200, JSON.stringify(services.billFacts.read()));
}
