import { BadRequestError } from '../../common/errors.ts';
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
  const currency = query.get('currency') ?? undefined;
  if (currency !== undefined && !/^[A-Z]{3}$/.test(currency))
    throw new BadRequestError('currency should be three capital letters, like EUR', 'BAD_CURRENCY');
  const bill = computeBill(services.billFacts.read(), await services.prices.book(), { currency });
  sendJson(res, 200, JSON.stringify(shownBill(bill, services.clock.now())));
}

async function showFacts({ res, services }: Call): Promise<void> {
  sendJson(res, 200, JSON.stringify(services.billFacts.read()));
}
