import type { Currency, Nanos } from './money.ts';
import type { MachineType, Price } from './price.ts';

/** Where traffic goes that is paid for. `internet`: to other providers too. */
export type EgressScope = 'zone' | 'region' | 'provider' | 'internet';

/** What a machine of some type costs. */
export interface ListedPrice extends Price, Omit<MachineType, 'provider'> {}

/** What a gigabyte costs that leaves a machine in a region. */
export interface ListedEgress {
  /** Undefined: in every region of the provider. */
  readonly region?: string;
  /** How far it goes: to another zone of the region, another region of the provider, or out of the provider. */
  readonly to: EgressScope;
  /** Where `to` is another region: that one alone; undefined: all of them. */
  readonly toRegion?: string;
  readonly currency: Currency;
  readonly nanosPerGb: Nanos;
}

/** The prices of one provider as they were published at one time. */
export interface PriceList {
  /** As the label `provider` says. */
  readonly provider: string;
  /** When it was had, RFC 3339. */
  readonly asOf: string;
  /** Regions whose prices were asked for; undefined: all there are. */
  readonly regions?: readonly string[];
  readonly machines: readonly ListedPrice[];
  readonly egress: readonly ListedEgress[];
}

/** Which machines an entry of a user's file is about. What is absent does not matter; at least one member is there. */
export interface PriceMatch {
  readonly node?: string;
  readonly provider?: string;
  readonly region?: string;
  readonly zone?: string;
  readonly 'instance-type'?: string;
  readonly spot?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface FilePrice {
  readonly match: PriceMatch;
  readonly price: Price;
  /** `prices.yml:12`. */
  readonly place: string;
}

export interface FileEgress {
  readonly provider: string;
  readonly region?: string;
  readonly to: EgressScope;
  readonly currency: Currency;
  readonly nanosPerGb: Nanos;
  readonly place: string;
}

/** What a user's price file says, but for its rates. */
export interface FilePrices {
  /** When its prices held, as the file says. */
  readonly asOf?: string;
  /** In the file's order: the first one that fits counts. */
  readonly prices: readonly FilePrice[];
  readonly egress: readonly FileEgress[];
}
