import { PROVIDER_LABEL, type PricedNode, REGION_LABEL, ZONE_LABEL } from '../prices/price.ts';
import type { PriceBook } from '../prices/price-book.ts';
import type { Snapshot } from './snapshot.ts';

export interface TrafficOptions {
  /** To count in. */
  readonly currency: string;
  /** Rows of nodes from which something may be copied. */
  readonly from: ReadonlySet<number>;
}

/** A provider, region and zone. */
interface Place {
  readonly labels: ReadonlyMap<string, string>;
  /** Places of one provider and region have the same number: of two of these only one is asked for. */
  readonly region: number;
}

/** What a gigabyte costs between the places of nodes, as far as files and lists say it. */
export function trafficPrices(
  book: PriceBook,
  nodes: readonly PricedNode[],
  { currency, from }: TrafficOptions,
): Pick<Snapshot, 'places' | 'egressMicrosPerGb'> {
  const regions = new Numbers();
  const numbers = new Numbers();
  const known: Place[] = [];
  const places = nodes.map(({ labels }) => {
    const [provider, region, zone] = [PROVIDER_LABEL, REGION_LABEL, ZONE_LABEL].map((key) => labels.get(key) ?? null);
    const number = numbers.of(JSON.stringify([provider, region, zone]));
    known[number] ??= { labels, region: regions.of(JSON.stringify([provider, region])) };
    return number;
  });
  const asked = new Set([...from].flatMap((row) => places[row] ?? []));
  const prices = new Map<string, number>();
  const price = (one: Place, other: Place): number => {
    const key = `${one.region} ${other.region} ${one === other}`;
    const found = prices.get(key) ?? microsPerGb(book, one, other, currency);
    prices.set(key, found);
    return found;
  };
  return {
    places,
    egressMicrosPerGb: known.map((one, at) => (asked.has(at) ? known.map((other) => price(one, other)) : [])),
  };
}

/** 0 where nobody says, or no rate is known. */
function microsPerGb(book: PriceBook, from: Place, to: Place, currency: string): number {
  const { price } = book.egress(from.labels, to.labels);
  const converted = price && book.rates.convert({ nanos: price.nanosPerGb, currency: price.currency }, currency);
  return converted ? Math.round(converted.nanos / 1_000) : 0;
}

/** Texts by the order in which they came. */
class Numbers {
  readonly #known = new Map<string, number>();

  of(text: string): number {
    const number = this.#known.get(text) ?? this.#known.size;
    this.#known.set(text, number);
    return number;
  }
}
