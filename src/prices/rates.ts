import { type Currency, type Money, UNNAMED } from './money.ts';

/** One unit of `from` is worth `factor` units of `to`. */
export interface Rate {
  readonly from: Currency;
  readonly to: Currency;
  readonly factor: number;
  /** Who says so: `--rate`, `prices.yml:4`. */
  readonly source: string;
  /** When it held, as its source says it. */
  readonly asOf?: string;
}

/** An amount in another currency, and the rates by which it came about; none when it needed none. */
export interface Converted {
  readonly nanos: number;
  readonly rates: readonly Rate[];
}

/** Currency rates that a person gave. Of two for the same currencies the first counts. There are no others: rates are never fetched. */
export class Rates {
  readonly all: readonly Rate[];
  readonly #ways = new Map<string, readonly Rate[]>();

  constructor(all: readonly Rate[]) {
    this.all = all;
  }

  /** Undefined when no rate, or chain of rates, leads from one currency to the other. */
  convert({ nanos, currency }: Money, to: Currency): Converted | undefined {
    if (currency === to) return { nanos, rates: [] };
    const way = this.#way(currency, to);
    if (way === undefined) return undefined;
    let [at, value] = [currency, nanos];
    for (const rate of way) {
      value = rate.from === at ? value * rate.factor : value / rate.factor;
      at = rate.from === at ? rate.to : rate.from;
    }
    return { nanos: Math.round(value), rates: way };
  }

  #way(from: Currency, to: Currency): readonly Rate[] | undefined {
    const key = `${from}/${to}`;
    let way = this.#ways.get(key);
    if (way === undefined) {
      way = shortestWay(this.all, from, to) ?? [];
      this.#ways.set(key, way);
    }
    return way.length === 0 ? undefined : way;
  }
}

/** Breadth first: the fewest conversions, rates given first before later ones. */
function shortestWay(rates: readonly Rate[], from: Currency, to: Currency): readonly Rate[] | undefined {
  const ways = new Map<Currency, readonly Rate[]>([[from, []]]);
  for (const [at, way] of ways) {
    if (at === to) return way;
    for (const rate of rates) {
      const next = rate.from === at ? rate.to : rate.to === at ? rate.from : undefined;
      if (next !== undefined && !ways.has(next)) ways.set(next, [...way, rate]);
    }
  }
  return undefined;
}

/** Reads `EUR/USD=1.08`: one euro is 1.08 dollars. Throws an Error whose message goes on after what was given. */
export function parseRate(text: string): Pick<Rate, 'from' | 'to' | 'factor'> {
  const [, from = '', to = '', amount = ''] = /^([A-Z]{3})\/([A-Z]{3})=(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const factor = Number(amount);
  if (from === UNNAMED) throw new Error('a rate is like "EUR/USD=1.08": one euro is 1.08 dollars');
  if (from === to) throw new Error('it has the same currency twice');
  if (!(factor >= 1e-6 && factor <= 1e6)) throw new Error('a rate lies between 0.000001 and 1000000');
  return { from, to, factor };
}

/** `1 EUR = 1.08 USD (prices.yml:4, 2026-11-01)`. */
export function formatRate({ from, to, factor, source, asOf }: Rate): string {
  return `1 ${from} = ${factor} ${to} (${source}${asOf === undefined ? '' : `, ${asOf}`})`;
}
