import type { ListedPrice } from '../prices/price-list.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, bothPrices, type Fields, fieldsIn, Gaps, listIn, nanosOf, readPages, textIn } from './reading.ts';

/** `GET /v2/plans`: www.vultr.com/api. In US dollars; what traffic costs is not in it. */
export const vultr: PriceSource = {
  provider: 'vultr',
  title: 'Vultr',
  needs: '',
  covers: 'all',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { env, url = env.VULTR_API_ENDPOINT || 'https://api.vultr.com' } = context;
  const first = `${url.replace(/\/v2$/, '')}/v2/plans?type=all&per_page=500`;
  const machines: ListedPrice[] = [];
  const gaps = new Gaps();
  await readPages(context, vultr, first, {}, (content) => {
    for (const plan of listIn(content, 'plans', vultr)) machines.push(...machinesOf(plan, gaps));
    const links = fieldsIn(fieldsIn(content as Fields, 'meta'), 'links');
    const cursor = textIn(links, 'next');
    return cursor === '' ? undefined : `${first}&cursor=${encodeURIComponent(cursor)}`;
  });
  gaps.tell(context);
  return assertSome({ machines, egress: [] }, vultr);
}

/** A plan costs the same in all its locations, but for those that `location_cost` names. */
function machinesOf(plan: Fields, gaps: Gaps): readonly ListedPrice[] {
  const instanceType = textIn(plan, 'id');
  const locations = Array.isArray(plan.locations) ? plan.locations.filter((each) => typeof each === 'string') : [];
  const own = fieldsIn(plan, 'location_cost');
  return locations.flatMap((region) => {
    const fields = fieldsIn(own, region) ?? plan;
    const price = bothPrices(nanosOf(fields.hourly_cost), nanosOf(fields.monthly_cost), 'USD');
    if (price !== undefined && instanceType !== '') return [{ region, instanceType, isSpot: false, ...price }];
    gaps.add(`${instanceType} ${region}`);
    return [];
  });
}
