import { BadRequestError } from '../common/errors.ts';
import type { Currency } from '../prices/money.ts';
import type { NodePrice, PricedNode } from '../prices/price.ts';
import type { PriceBook } from '../prices/price-book.ts';
import type { SnapshotPrice } from './snapshot.ts';

/** What nodes cost a month in one currency. */
export interface NodePrices {
  readonly currency: Currency;
  readonly prices: readonly SnapshotPrice[];
  /** Rates that were used, in words. */
  readonly rates: readonly string[];
}

/**
 * Throws 400 when prices are in several currencies and no rate leads from one to the other: they are never added up as if they were one.
 *
 * @param asked the currency to count in; without it that of most prices
 */
export function nodePrices(book: PriceBook, nodes: readonly PricedNode[], asked: Currency | undefined): NodePrices {
  const answers = nodes.map((node) => book.nodePrice(node));
  const known = answers.flatMap(({ price }) => price ?? []);
  const currency = asked ?? book.data.currency ?? commonest(known);
  const rates = new Set<string>();
  const prices = answers.map(({ price, unknown = '' }, row): SnapshotPrice => {
    if (!price) return { unknown };
    const converted = book.rates.convert({ nanos: price.nanosPerMonth, currency: price.currency }, currency);
    if (!converted) throw noRate(price.currency, currency, nodes[row]?.name ?? '');
    for (const { from, to, factor, source } of converted.rates) rates.add(`1 ${from} = ${factor} ${to} (${source})`);
    const { name, asOf } = price.source;
    return { micros: Math.round(converted.nanos / 1_000), source: asOf === undefined ? name : `${name}, ${asOf}` };
  });
  return { currency, prices, rates: [...rates] };
}

function commonest(prices: readonly NodePrice[]): Currency {
  const counts = new Map<Currency, number>();
  for (const { currency } of prices) counts.set(currency, (counts.get(currency) ?? 0) + 1);
  const [first] = [...counts].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  return first?.[0] ?? '';
}

function noRate(from: Currency, to: Currency, name: string): BadRequestError {
  const [a, b] = [from || 'a currency that is not named', to || 'a currency that is not named'];
  const way =
    from && to
      ? `give the rate, as with --rate ${from}/${to}=1.08`
      : 'write the currency with each price, or name it for those without one with "currency:" in a price file';
  return new BadRequestError(
    `prices are in ${a} (${name}) and in ${b}, and no rate leads from one to the other: ${way}`,
    'MIXED_CURRENCIES',
  );
}
