import { priceOf } from '../prices/price.ts';
import type { ListedPrice } from '../prices/price-list.ts';
import { PriceListError } from './errors.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, type Fields, fieldsIn, Gaps, listIn, notAList, textIn } from './reading.ts';

/**
 * `GET /order/catalog/public/cloud`: api.ovh.com/console. Prices are in 10⁻⁸ of the currency of the subsidiary that sells, without taxes, and
 * those of a flavor hold in all regions of one kind: usual ones, those of three zones (`.3AZ`), local zones (`.LZ`).
 */
export const ovhcloud: PriceSource = {
  provider: 'ovhcloud',
  title: 'OVHcloud',
  needs: 'OVH_SUBSIDIARY, the country whose OVHcloud sells to you (default FR)',
  covers: 'regions',
  read,
};

const NANOS_PER_UNIT = 10;

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { env, web, url = 'https://api.ovh.com/1.0' } = context;
  const subsidiary = env.OVH_SUBSIDIARY || 'FR';
  if (!env.OVH_SUBSIDIARY) context.note('OVH_SUBSIDIARY is not set: these are the prices for France');
  if (!/^[A-Z]{2,4}$/.test(subsidiary))
    throw new PriceListError(ovhcloud.title, `OVH_SUBSIDIARY should be like FR, not "${subsidiary}"`);
  const { content } = await web.json(`${url}/order/catalog/public/cloud?ovhSubsidiary=${subsidiary}`);
  const currency = textIn(fieldsIn(content as Fields, 'locale'), 'currencyCode');
  if (!/^[A-Z]{3}$/.test(currency)) throw notAList(ovhcloud.title, 'locale.currencyCode');
  const machines: ListedPrice[] = [];
  const gaps = new Gaps();
  for (const addon of listIn(content, 'addons', ovhcloud)) {
    const [, instanceType = '', kind = ''] =
      /^([a-z0-9]+-[a-z0-9-]+)\.consumption(\.[A-Z0-9.]+)?$/.exec(textIn(addon, 'planCode')) ?? [];
    if (instanceType === '' || instanceType.startsWith('win-') || !isInstance(addon)) continue;
    const units = unitsOf(addon);
    if (units === undefined) gaps.add(instanceType);
    else
      for (const region of context.regions.filter((each) => kindOf(each) === kind))
        machines.push({ region, instanceType, isSpot: false, ...priceOf('hour', units * NANOS_PER_UNIT, currency) });
  }
  gaps.tell(context);
  return assertSome({ machines, egress: [] }, ovhcloud);
}

/** Disks, gateways and the like are addons too; where a product is named, it says so. */
function isInstance(addon: Fields): boolean {
  return /^(?:publiccloud-instance)?$/.test(textIn(addon, 'product'));
}

/** What an hour costs; undefined without a price above zero. */
function unitsOf(addon: Fields): number | undefined {
  const { pricings } = addon;
  const found = Array.isArray(pricings) ? (pricings as readonly (Fields | null)[]) : [];
  const consumed = found.find((each) => Array.isArray(each?.capacities) && each.capacities.includes('consumption'));
  const price = consumed?.price;
  return typeof price === 'number' && Number.isSafeInteger(price) && price > 0 ? price : undefined;
}

/** `GRA11`: a usual region; `EU-WEST-PAR`: one of three zones; `EU-WEST-LZ-BRU-A`: a local zone. */
function kindOf(region: string): string {
  if (/-LZ-/.test(region)) return '.LZ';
  return /^[A-Z]{2}-[A-Z]+-[A-Z]{3}$/.test(region) ? '.3AZ' : '';
}
