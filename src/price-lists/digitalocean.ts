import { doctlToken } from '../drivers/digitalocean/api.ts';
import type { ListedPrice } from '../prices/price-list.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import {
  assertSome,
  bothPrices,
  type Fields,
  fieldsIn,
  Gaps,
  listIn,
  nanosOf,
  nextPage,
  readPages,
  textIn,
} from './reading.ts';

/** `GET /v2/sizes`: docs.digitalocean.com/reference/api. In US dollars; what traffic costs is not in it. */
export const digitalocean: PriceSource = {
  provider: 'digitalocean',
  title: 'DigitalOcean',
  needs: 'DIGITALOCEAN_ACCESS_TOKEN or doctl’s context',
  covers: 'all',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { env, url = env.DIGITALOCEAN_API_URL || 'https://api.digitalocean.com' } = context;
  const token = env.DIGITALOCEAN_ACCESS_TOKEN || env.DIGITALOCEAN_TOKEN || (await doctlToken(env));
  const first = `${url.replace(/\/v2$/, '')}/v2/sizes?per_page=200`;
  const machines: ListedPrice[] = [];
  const gaps = new Gaps();
  await readPages(context, digitalocean, first, { authorization: `Bearer ${token}` }, (content) => {
    for (const size of listIn(content, 'sizes', digitalocean)) machines.push(...machinesOf(size, gaps));
    const pages = fieldsIn(fieldsIn(content as Fields, 'links'), 'pages');
    return nextPage(digitalocean, first, textIn(pages, 'next'));
  });
  gaps.tell(context);
  return assertSome({ machines, egress: [] }, digitalocean);
}

function machinesOf(size: Fields, gaps: Gaps): readonly ListedPrice[] {
  const instanceType = textIn(size, 'slug');
  const price = bothPrices(nanosOf(size.price_hourly), nanosOf(size.price_monthly), 'USD');
  const regions = Array.isArray(size.regions) ? size.regions.filter((each) => typeof each === 'string') : [];
  if (price !== undefined && instanceType !== '')
    return regions.map((region) => ({ region, instanceType, isSpot: false, ...price }));
  gaps.add(instanceType);
  return [];
}
