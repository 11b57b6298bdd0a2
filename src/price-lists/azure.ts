import { priceOf } from '../prices/price.ts';
import type { ListedEgress, ListedPrice } from '../prices/price-list.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, type Fields, Gaps, listIn, nanosOf, readPages, textIn } from './reading.ts';

/** Azure Retail Prices: learn.microsoft.com/rest/api/cost-management/retail-prices. Values of filters are case-sensitive. */
export const azure: PriceSource = {
  provider: 'azure',
  title: 'Azure',
  needs: '',
  covers: 'one-region',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const machines = new Map<string, ListedPrice & { readonly since: string }>();
  const egress: ListedEgress[] = [];
  const gaps = new Gaps();
  for (const region of context.regions) {
    const where = `armRegionName eq '${region.replaceAll("'", "''")}' and priceType eq 'Consumption'`;
    await items(context, `serviceName eq 'Virtual Machines' and ${where}`, (item) => {
      const machine = machineOf(item, region, context.clock.now(), gaps);
      if (machine === undefined) return;
      const key = `${region} ${machine.instanceType} ${machine.isSpot}`;
      // Coming prices are listed beside present ones: the latest that holds already counts.
      if ((machines.get(key)?.since ?? '') <= machine.since) machines.set(key, machine);
    });
    let dearest: number | undefined;
    let currency = '';
    await items(context, `serviceName eq 'Bandwidth' and ${where}`, (item) => {
      const nanos = internetPrice(item);
      // Tiers: the first gigabytes are free, large amounts cheaper. The dearest tier is the one after the free one.
      if (nanos === undefined || nanos <= (dearest ?? 0)) return;
      dearest = nanos;
      currency = textIn(item, 'currencyCode');
    });
    if (dearest !== undefined) egress.push({ region, to: 'internet', currency, nanosPerGb: dearest });
  }
  gaps.tell(context);
  return assertSome({ machines: [...machines.values()].map(({ since: _, ...machine }) => machine), egress }, azure);
}

/** The item as a price of a Linux machine that holds now; undefined when it is none. */
function machineOf(
  item: Fields,
  region: string,
  nowMs: number,
  gaps: Gaps,
): (ListedPrice & { readonly since: string }) | undefined {
  const [instanceType, sku, product] = [
    textIn(item, 'armSkuName'),
    textIn(item, 'skuName'),
    textIn(item, 'productName'),
  ];
  const since = textIn(item, 'effectiveStartDate');
  if (instanceType === '' || /Windows|Cloud Services|Dedicated Host/i.test(product) || / Low Priority$/.test(sku))
    return undefined;
  if (textIn(item, 'unitOfMeasure') !== '1 Hour' || Date.parse(since) > nowMs) return undefined;
  const nanos = nanosOf(item.unitPrice ?? item.retailPrice);
  const currency = textIn(item, 'currencyCode');
  if (!nanos || !/^[A-Z]{3}$/.test(currency)) {
    gaps.add(instanceType);
    return undefined;
  }
  return { region, instanceType, isSpot: / Spot$/.test(sku), ...priceOf('hour', nanos, currency), since };
}

/** What a gigabyte to the internet costs over Microsoft's network; undefined for everything else that moves. */
function internetPrice(item: Fields): number | undefined {
  const isOut = textIn(item, 'meterName') === 'Standard Data Transfer Out' && textIn(item, 'unitOfMeasure') === '1 GB';
  return isOut && /^Rtn Preference: MGN$/.test(textIn(item, 'productName')) ? nanosOf(item.unitPrice) : undefined;
}

/** All items that a filter finds. The link to the next page was broken at times: its place in the list is what counts. */
async function items(context: SourceContext, filter: string, take: (item: Fields) => void): Promise<void> {
  const { url = 'https://prices.azure.com' } = context;
  const first = `${url}/api/retail/prices?$filter=${encodeURIComponent(filter)}`;
  let seen = 0;
  await readPages(context, azure, first, {}, (content) => {
    const found = listIn(content, 'Items', azure);
    for (const item of found) take(item);
    seen += found.length;
    const isMore = Boolean((content as Fields).NextPageLink) && found.length > 0;
    return isMore ? `${first}&$skip=${seen}` : undefined;
  });
}
