import type { Clock } from '../common/clock.ts';
import type { ListedEgress, ListedPrice } from '../prices/price-list.ts';
import type { PriceWeb } from './web.ts';

/** What a source works with. */
export interface SourceContext {
  /** Where credentials are looked for, as the drivers of machines do. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly web: PriceWeb;
  /** Another address of the list: a mirror. Without a slash at its end. */
  readonly url?: string | undefined;
  /** Regions to read; sources that have everything in one list may give more. */
  readonly regions: readonly string[];
  /** Says what a person should know, in a few words: what was left out, and why. */
  readonly note: (text: string) => void;
}

/** What a source read. */
export interface SourceAnswer {
  readonly machines: readonly ListedPrice[];
  readonly egress: readonly ListedEgress[];
}

/**
 * Where the prices of one provider are published. A source makes one list, of what is published at the moment; it never fills a gap. It throws a
 * {@link PriceListError} when there is nothing to read, or what is there is no price list.
 */
export interface PriceSource {
  /** The label `provider` of the machines whose prices it has. */
  readonly provider: string;
  /** As people call the provider. */
  readonly title: string;
  /** What it needs, for help: `HCLOUD_TOKEN`; empty: nothing. */
  readonly needs: string;
  /**
   * What one reading has: `all` regions of the provider, whichever are asked for; exactly the `regions` that are asked for; or one region, so
   * that there is a reading for each (`one-region`).
   */
  readonly covers: 'all' | 'regions' | 'one-region';
  read(context: SourceContext): Promise<SourceAnswer>;
}
