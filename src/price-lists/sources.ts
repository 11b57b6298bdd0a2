import { reasonOf, UsageError } from '../common/errors.ts';
import { nearest } from '../common/nearest.ts';
import { printable } from '../common/printable.ts';
import { DriverError } from '../drivers/errors.ts';
import { isListable } from '../prices/list-shape.ts';
import type { PriceList } from '../prices/price-list.ts';
import { amazonec2 } from './amazonec2.ts';
import { azure } from './azure.ts';
import { digitalocean } from './digitalocean.ts';
import { PriceListError } from './errors.ts';
import { google } from './google.ts';
import { hetzner } from './hetzner.ts';
import { linode } from './linode.ts';
import { ovhcloud } from './ovhcloud.ts';
import type { PriceSource, SourceContext } from './price-source.ts';
import { scaleway } from './scaleway.ts';
import { vultr } from './vultr.ts';
import { PriceWeb, type PriceWebDeps, type WebLimits } from './web.ts';

/** Every source, by the label `provider`. A new one is a file and a line here. */
export const SOURCES: readonly PriceSource[] = [
  amazonec2,
  azure,
  digitalocean,
  google,
  hetzner,
  linode,
  ovhcloud,
  scaleway,
  vultr,
];

/** The source of a provider's prices; undefined when there is none. */
export function findSource(provider: string): PriceSource | undefined {
  return SOURCES.find((each) => each.provider === provider);
}

/** Like {@link findSource}. Throws a UsageError with the nearest name. */
export function sourceOf(provider: string): PriceSource {
  const found = findSource(provider);
  if (found !== undefined) return found;
  const names = SOURCES.map((each) => each.provider);
  const near = nearest(provider, names);
  const guess = near === undefined ? `There are ${names.join(', ')}` : `Did you mean "${near}"?`;
  throw new UsageError(`no price list of "${printable(provider)}" is known. ${guess}`, 'UNKNOWN_PROVIDER');
}

/** What a list is read with. */
export interface ReadOptions extends Pick<SourceContext, 'env' | 'signal' | 'url' | 'regions' | 'note'>, PriceWebDeps {
  readonly limits?: WebLimits;
}

/** The readings that regions need: the regions of each. */
export function readingsOf({ covers }: PriceSource, regions: readonly string[]): readonly (readonly string[])[] {
  if (covers === 'one-region') return regions.map((region) => [region]);
  return covers === 'all' || regions.length > 0 ? [regions] : [];
}

/** One list for each of its regions, so that they can be read anew apart; the list itself where it has all regions. */
export function byRegion(list: PriceList): readonly PriceList[] {
  return (
    list.regions?.map((region) => ({
      ...list,
      regions: [region],
      machines: list.machines.filter((each) => each.region === region),
      egress: list.egress.filter((each) => each.region === region),
    })) ?? [list]
  );
}

/** Reads the list of a source, as of now. Throws a {@link PriceListError}, or the signal's reason. */
export async function readList(source: PriceSource, options: ReadOptions): Promise<PriceList> {
  const { clock, signal, regions, limits } = options;
  if (source.covers !== 'all' && regions.length === 0)
    throw new UsageError(`prices of ${source.title} are by region: name one with --region`, 'NO_REGION');
  const asOf = new Date(clock.now()).toISOString();
  const web = new PriceWeb(options, source.title, signal, limits);
  const url = options.url?.replace(/\/+$/, '');
  try {
    const { machines: found, egress } = await source.read({ ...options, url, web });
    const machines = found.filter(isListable);
    if (machines.length < found.length)
      options.note(
        `${countedPrices(found.length - machines.length)} left out: not a machine's, or more than nine million a month`,
      );
    return { provider: source.provider, asOf, ...(source.covers === 'all' ? {} : { regions }), machines, egress };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PriceListError || error instanceof UsageError) throw error;
    // The drivers' words name flags that are not here.
    if (error instanceof DriverError && error.code === 'BAD_CREDENTIALS' && source.needs !== '')
      throw new PriceListError(source.title, `it needs ${source.needs}`, 'BAD_CREDENTIALS', error);
    throw new PriceListError(source.title, reasonOf(error), 'PRICE_LIST', error);
  }
}

function countedPrices(count: number): string {
  return `${count} price${count === 1 ? '' : 's'}`;
}
