import type { Currency, Nanos } from './money.ts';

/** What a month has where a price is given for an hour or the other way round: 365 × 24 / 12, as AWS, Azure and Google count. */
export const HOURS_PER_MONTH = 730;

/** What something costs while it exists. */
export interface Price {
  readonly currency: Currency;
  readonly nanosPerHour: Nanos;
  /** {@link HOURS_PER_MONTH} hours, or what the provider takes at most in a month. */
  readonly nanosPerMonth: Nanos;
  /** Which of the two was published; the other one is computed with {@link HOURS_PER_MONTH}. */
  readonly given: 'hour' | 'month' | 'both';
}

/** Where a price comes from. */
export interface PriceSource {
  readonly kind: 'label' | 'file' | 'list';
  /** In words: `label io.enxame.price`, `prices.yml:12`, `list of hetzner`. */
  readonly name: string;
  /** When the price was had or stated, RFC 3339; undefined where nothing says so: a label holds at present. */
  readonly asOf?: string;
}

/** What a node costs. Taxes, traffic and storage that is billed apart are not in it. */
export interface NodePrice extends Price {
  /** A machine that its provider may take back at any time: the price changes too. */
  readonly isSpot: boolean;
  readonly source: PriceSource;
}

/** A price, or why it is not known, in words that go on after a node's name and a colon. It is never guessed, and never zero instead. */
export type PriceAnswer =
  | { readonly price: NodePrice; readonly unknown?: undefined }
  | { readonly price?: undefined; readonly unknown: string };

/** What a gigabyte (10⁹ bytes) costs that leaves a machine, beyond free allowances. */
export interface EgressPrice {
  readonly currency: Currency;
  readonly nanosPerGb: Nanos;
  readonly source: PriceSource;
}

export type EgressAnswer =
  | { readonly price: EgressPrice; readonly unknown?: undefined }
  | { readonly price?: undefined; readonly unknown: string };

/** A kind of machine at a provider: what a price list has prices of. */
export interface MachineType {
  /** As the label `provider` says: the name of a driver (`hetzner`, `amazonec2`). */
  readonly provider: string;
  readonly region: string;
  readonly zone?: string;
  readonly instanceType: string;
  readonly isSpot: boolean;
}

/** What is asked for a price: a node of the cluster, or a machine that could be one. */
export interface PricedNode {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** The label of an engine that says what its host costs: `0.0119/h`, `5.83 EUR/month`. */
export const PRICE_LABEL = 'io.enxame.price';

/** Labels that say what machine a node is; `enxame machine` sets them. */
export const PROVIDER_LABEL = 'provider';
export const REGION_LABEL = 'region';
export const ZONE_LABEL = 'zone';
export const TYPE_LABEL = 'instance-type';
/** `true` for a machine that its provider may take back at any time. */
export const SPOT_LABEL = 'spot';

/** Whether its provider may take the machine back at any time. */
export function isSpotMachine(labels: ReadonlyMap<string, string>): boolean {
  return labels.get(SPOT_LABEL) === 'true';
}

/** What kind of machine the labels of a node name; a text that says which of them is missing. */
export function machineTypeOf(labels: ReadonlyMap<string, string>): MachineType | string {
  const missing = [PROVIDER_LABEL, REGION_LABEL, TYPE_LABEL].filter((label) => !labels.get(label));
  if (missing.length > 0) return `no label ${missing.join(', ')}`;
  const zone = labels.get(ZONE_LABEL);
  return {
    provider: labels.get(PROVIDER_LABEL) ?? '',
    region: labels.get(REGION_LABEL) ?? '',
    ...(zone ? { zone } : {}),
    instanceType: labels.get(TYPE_LABEL) ?? '',
    isSpot: isSpotMachine(labels),
  };
}

/** Whether a price is one: beyond nine million units a month, sums would no longer be exact. */
export function isExact({ nanosPerHour, nanosPerMonth }: Price): boolean {
  return Number.isSafeInteger(nanosPerHour) && Number.isSafeInteger(nanosPerMonth);
}

/** A price of which only one is known, the hour's or the month's. */
export function priceOf(per: 'hour' | 'month', nanos: Nanos, currency: Currency): Price {
  return per === 'hour'
    ? { currency, nanosPerHour: nanos, nanosPerMonth: nanos * HOURS_PER_MONTH, given: 'hour' }
    : { currency, nanosPerHour: Math.round(nanos / HOURS_PER_MONTH), nanosPerMonth: nanos, given: 'month' };
}
