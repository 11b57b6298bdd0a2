import type { ListedEgress, ListedPrice } from '../prices/price-list.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, bothPrices, type Fields, fieldsIn, Gaps, listIn, nanosOf, readPages, textIn } from './reading.ts';

/** `GET /v4/linode/types`, `/regions`, `/network-transfer/prices`: techdocs.akamai.com/linode-api. In US dollars. */
export const linode: PriceSource = {
  provider: 'linode',
  title: 'Linode',
  needs: '',
  covers: 'all',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { env, url = env.LINODE_URL || 'https://api.linode.com' } = context;
  const base = `${url.replace(/\/v4$/, '')}/v4`;
  const regions = (await all(context, `${base}/regions`)).map((each) => textIn(each, 'id')).filter((id) => id !== '');
  const machines: ListedPrice[] = [];
  const gaps = new Gaps();
  for (const type of await all(context, `${base}/linode/types`)) {
    const instanceType = textIn(type, 'id');
    const own = ownPrices(type);
    for (const region of regions) {
      const fields = own.get(region) ?? fieldsIn(type, 'price');
      const price = bothPrices(nanosOf(fields?.hourly), nanosOf(fields?.monthly), 'USD');
      if (price === undefined || instanceType === '') gaps.add(`${instanceType} ${region}`);
      else machines.push({ region, instanceType, isSpot: false, ...price });
    }
  }
  gaps.tell(context);
  return assertSome({ machines, egress: await traffic(context, base, regions) }, linode);
}

/** Prices of regions that are dearer than the others, by region. */
function ownPrices(type: Fields): ReadonlyMap<string, Fields> {
  const { region_prices: found } = type;
  const list = Array.isArray(found) ? (found as readonly Fields[]) : [];
  return new Map(list.map((each) => [textIn(each, 'id'), each]));
}

/** A gigabyte beyond the pool costs what the member `hourly` says, by whatever name. */
async function traffic(
  context: SourceContext,
  base: string,
  regions: readonly string[],
): Promise<readonly ListedEgress[]> {
  const found = await all(context, `${base}/network-transfer/prices`).catch((error: unknown) => {
    if ((error as { code?: string }).code !== 'NO_SUCH_LIST') throw error;
    return [];
  });
  const usual = found.find((each) => textIn(each, 'id') === 'network_transfer');
  if (usual === undefined) return [];
  const own = ownPrices(usual);
  return regions.flatMap((region) => {
    const nanosPerGb = nanosOf((own.get(region) ?? fieldsIn(usual, 'price'))?.hourly);
    return nanosPerGb === undefined ? [] : [{ region, to: 'internet' as const, currency: 'USD', nanosPerGb }];
  });
}

/** All pages of a list. */
async function all(context: SourceContext, url: string): Promise<readonly Fields[]> {
  const items: Fields[] = [];
  await readPages(context, linode, `${url}?page=1&page_size=500`, {}, (content) => {
    items.push(...listIn(content, 'data', linode));
    const { page, pages } = content as Fields;
    const isMore = typeof page === 'number' && typeof pages === 'number' && page < pages;
    return isMore ? `${url}?page=${page + 1}&page_size=500` : undefined;
  });
  return items;
}
