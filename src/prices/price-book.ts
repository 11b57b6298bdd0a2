import { type Currency, UNNAMED } from './money.ts';
import {
  type EgressAnswer,
  isSpotMachine,
  type MachineType,
  machineTypeOf,
  PRICE_LABEL,
  PROVIDER_LABEL,
  type Price,
  type PriceAnswer,
  type PricedNode,
  REGION_LABEL,
  ZONE_LABEL,
} from './price.ts';
import { parsePrice } from './price-label.ts';
import type { EgressScope, FilePrices, ListedEgress, ListedPrice, PriceList } from './price-list.ts';
import { PriceMatcher } from './price-match.ts';
import { type Rate, Rates } from './rates.ts';

/** All that is known of prices, as a value: it can be sent and kept. */
export interface PriceBookData {
  /** The currency of amounts that say none; absent: they stay without one. */
  readonly currency?: Currency;
  /** Users' files; what an earlier one says counts before what a later one says. */
  readonly files: readonly FilePrices[];
  /** Providers' lists, one or more of each; of two that have the same price the newer one counts. */
  readonly lists: readonly PriceList[];
  readonly rates: readonly Rate[];
}

/** A book that knows nothing but what labels say. */
export const EMPTY_BOOK: PriceBookData = { files: [], lists: [], rates: [] };

/**
 * What nodes, and machines that could be nodes, cost: by the node's own label, else by the first entry of a user's file that fits, else by its
 * provider's list. Reads nothing, asks nobody; what nobody said is unknown, with the reason.
 */
export class PriceBook {
  readonly data: PriceBookData;
  readonly rates: Rates;
  readonly #files: readonly { readonly matcher: PriceMatcher; readonly asOf: string | undefined }[];
  readonly #lists: ReadonlyMap<string, readonly IndexedList[]>;

  constructor(data: PriceBookData) {
    this.data = data;
    this.rates = new Rates(data.rates);
    this.#files = data.files.map(({ prices, asOf }) => ({ matcher: new PriceMatcher(prices), asOf }));
    this.#lists = byProvider(data.lists);
  }

  /** What a node costs. */
  nodePrice(node: PricedNode): PriceAnswer {
    const label = node.labels.get(PRICE_LABEL);
    if (label !== undefined) return this.#labelled(label, node.labels);
    const filed = this.#filed(node);
    if (filed !== undefined) return filed;
    const type = machineTypeOf(node.labels);
    if (typeof type === 'string') return { unknown: `no label ${PRICE_LABEL}, no entry of a price file, and ${type}` };
    return this.#listed(type);
  }

  /** What a machine of that type would cost: by files and lists, as for a node with these labels and no name. */
  machinePrice(type: MachineType, labels: ReadonlyMap<string, string> = new Map()): PriceAnswer {
    return this.nodePrice({ name: '', labels: new Map([...labels, ...labelsOf(type)]) });
  }

  /** What a gigabyte costs from one node to another. Unknown where no file and no list says it. */
  egress(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): EgressAnswer {
    const provider = from.get(PROVIDER_LABEL);
    if (!provider) return { unknown: `no label ${PROVIDER_LABEL}` };
    const region = from.get(REGION_LABEL);
    const toRegion = to.get(REGION_LABEL);
    const scope = scopeBetween(from, to);
    for (const { egress, asOf } of this.data.files) {
      const entry = egress.find(
        (each) => each.provider === provider && each.to === scope && (each.region ?? region) === region,
      );
      if (entry === undefined) continue;
      const { currency, nanosPerGb, place } = entry;
      const source = { kind: 'file', name: place, ...(asOf === undefined ? {} : { asOf }) } as const;
      return { price: { currency: this.#currency(currency), nanosPerGb, source } };
    }
    for (const { list } of this.#lists.get(provider) ?? []) {
      const fits = list.egress.filter(
        (each) => each.to === scope && (each.region ?? region) === region && (each.toRegion ?? toRegion) === toRegion,
      );
      const entry = fits.toSorted((a, b) => exactness(b) - exactness(a))[0];
      if (entry === undefined) continue;
      const { currency, nanosPerGb } = entry;
      return { price: { currency, nanosPerGb, source: sourceOf(list) } };
    }
    return { unknown: `no price for traffic from ${provider}${region ? ` ${region}` : ''} ${SCOPE_WORDS[scope]}` };
  }

  #labelled(text: string, labels: ReadonlyMap<string, string>): PriceAnswer {
    const price = parsePrice(text);
    if ('problem' in price)
      return { unknown: `its label ${PRICE_LABEL}=${JSON.stringify(shortened(text))}: ${price.problem}` };
    const source = { kind: 'label', name: `label ${PRICE_LABEL}` } as const;
    return { price: { ...this.#named(price), isSpot: isSpotMachine(labels), source } };
  }

  #filed(node: PricedNode): PriceAnswer | undefined {
    const isSpot = isSpotMachine(node.labels);
    for (const { matcher, asOf } of this.#files) {
      const entry = matcher.find(node, isSpot);
      if (entry === undefined) continue;
      const source = { kind: 'file', name: entry.place, ...(asOf === undefined ? {} : { asOf }) } as const;
      return { price: { ...this.#named(entry.price), isSpot, source } };
    }
    return undefined;
  }

  #listed(type: MachineType): PriceAnswer {
    const lists = this.#lists.get(type.provider);
    if (lists === undefined) return { unknown: `no price list of ${type.provider}` };
    for (const { list, byType } of lists) {
      const rows = byType.get(keyOf(type)) ?? [];
      // A list has prices of zones or of whole regions.
      const row = rows.find(({ zone }) => zone === type.zone) ?? rows.find(({ zone }) => zone === undefined);
      if (row === undefined) continue;
      const { currency, nanosPerHour, nanosPerMonth, given, isSpot } = row;
      return { price: { currency, nanosPerHour, nanosPerMonth, given, isSpot, source: sourceOf(list) } };
    }
    return { unknown: missing(type, lists) };
  }

  #named(price: Price): Price {
    return { ...price, currency: this.#currency(price.currency) };
  }

  #currency(currency: Currency): Currency {
    return currency === UNNAMED ? (this.data.currency ?? UNNAMED) : currency;
  }
}

/** For messages. */
function shortened(text: string): string {
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

const MAX_SHOWN = 40;

interface IndexedList {
  readonly list: PriceList;
  readonly byType: ReadonlyMap<string, readonly ListedPrice[]>;
}

/** The newest list of a provider first. */
function byProvider(lists: readonly PriceList[]): ReadonlyMap<string, readonly IndexedList[]> {
  const found = new Map<string, IndexedList[]>();
  for (const list of [...lists].sort((a, b) => Date.parse(b.asOf) - Date.parse(a.asOf))) {
    const earlier = found.get(list.provider);
    if (earlier === undefined) found.set(list.provider, [indexed(list)]);
    else earlier.push(indexed(list));
  }
  return found;
}

function indexed(list: PriceList): IndexedList {
  const byType = new Map<string, ListedPrice[]>();
  for (const machine of list.machines) {
    const key = keyOf(machine);
    const rows = byType.get(key);
    if (rows === undefined) byType.set(key, [machine]);
    else rows.push(machine);
  }
  return { list, byType };
}

function keyOf({ region, instanceType, isSpot }: Omit<MachineType, 'provider'>): string {
  return `${region}\n${instanceType}\n${isSpot}`;
}

function sourceOf({ provider, asOf }: PriceList): { kind: 'list'; name: string; asOf: string } {
  return { kind: 'list', name: `list of ${provider}`, asOf };
}

function missing({ provider, region, zone, instanceType, isSpot }: MachineType, lists: readonly IndexedList[]): string {
  const wasAsked = lists.some(({ list }) => list.regions === undefined || list.regions.includes(region));
  if (!wasAsked) return `no price list of ${provider} for region ${region}`;
  const where = zone === undefined ? region : `${region} (${zone})`;
  return `the price list of ${provider} has no ${isSpot ? 'spot price of ' : ''}"${instanceType}" in ${where}`;
}

function labelsOf({ provider, region, zone, instanceType, isSpot }: MachineType): readonly [string, string][] {
  return [
    [PROVIDER_LABEL, provider],
    [REGION_LABEL, region],
    ...(zone === undefined ? [] : [[ZONE_LABEL, zone] as [string, string]]),
    ['instance-type', instanceType],
    ['spot', String(isSpot)],
  ];
}

const SCOPE_WORDS: Readonly<Record<EgressScope, string>> = {
  zone: 'within the zone',
  region: 'within the region',
  provider: 'to another region of the provider',
  internet: 'out of the provider',
};

/** What names its regions says more than what is true of all. */
function exactness({ region, toRegion }: ListedEgress): number {
  return Number(toRegion !== undefined) + Number(region !== undefined);
}

function scopeBetween(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): EgressScope {
  const differs = (label: string): boolean => from.get(label) !== to.get(label);
  if (differs(PROVIDER_LABEL)) return 'internet';
  if (differs(REGION_LABEL)) return 'provider';
  return differs(ZONE_LABEL) ? 'region' : 'zone';
}
