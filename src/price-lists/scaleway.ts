import type { ListedPrice } from '../prices/price-list.ts';
import { PriceListError } from './errors.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, bothPrices, type Fields, fieldsIn, Gaps, nanosOf, notAList, readPages } from './reading.ts';

/** `GET /instance/v1/zones/ZONE/products/servers`: www.scaleway.com/en/developers/api/instances. In euros, by zone. */
export const scaleway: PriceSource = {
  provider: 'scaleway',
  title: 'Scaleway',
  needs: '',
  covers: 'one-region',
  read,
};

const PAGE = 100;
/** Zones of a region are called after it and counted from 1. */
const MOST_ZONES = 5;

async function read(context: SourceContext): Promise<SourceAnswer> {
  const machines: ListedPrice[] = [];
  const gaps = new Gaps();
  for (const region of context.regions) {
    for (let number = 1; number <= MOST_ZONES; number += 1) {
      const found = await zone(context, region, `${region}-${number}`, gaps);
      if (found === undefined) break;
      machines.push(...found);
    }
  }
  gaps.tell(context);
  return assertSome({ machines, egress: [] }, scaleway);
}

/** Undefined when there is no such zone. */
async function zone(
  context: SourceContext,
  region: string,
  name: string,
  gaps: Gaps,
): Promise<readonly ListedPrice[] | undefined> {
  const { env, url = env.SCW_API_URL || 'https://api.scaleway.com' } = context;
  const path = `${url}/instance/v1/zones/${encodeURIComponent(name)}/products/servers`;
  const machines: ListedPrice[] = [];
  let page = 1;
  let seen = 0;
  try {
    await readPages(context, scaleway, `${path}?per_page=${PAGE}&page=1`, {}, (content, headers) => {
      const servers = fieldsIn(content as Fields, 'servers');
      if (servers === undefined) throw notAList(scaleway.title, 'servers');
      const found = Object.entries(servers);
      for (const [instanceType, each] of found) {
        const { hourly_price: hour, monthly_price: month } = (each ?? {}) as Fields;
        const price = bothPrices(nanosOf(hour), nanosOf(month), 'EUR');
        if (price === undefined) gaps.add(`${instanceType} ${name}`);
        else machines.push({ region, zone: name, instanceType, isSpot: false, ...price });
      }
      seen += found.length;
      page += 1;
      const total = Number(headers.get('x-total-count') ?? Number.NaN);
      const isMore = Number.isFinite(total) ? seen < total && found.length > 0 : found.length >= PAGE;
      return isMore ? `${path}?per_page=${PAGE}&page=${page}` : undefined;
    });
  } catch (error) {
    if (error instanceof PriceListError && error.code === 'NO_SUCH_LIST') return undefined;
    throw error;
  }
  return machines;
}
