import { hcloudToken } from '../drivers/hetzner/api.ts';
import type { ListedEgress, ListedPrice } from '../prices/price-list.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, bothPrices, type Fields, fieldsIn, Gaps, listIn, nanosOf, notAList, textIn } from './reading.ts';

/** `GET /pricing`: docs.hetzner.cloud/reference/cloud. Net prices, a month is charged at most the monthly price. */
export const hetzner: PriceSource = {
  provider: 'hetzner',
  title: 'Hetzner Cloud',
  needs: 'HCLOUD_TOKEN or hcloud’s context',
  covers: 'all',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { env, web, url = env.HCLOUD_ENDPOINT || 'https://api.hetzner.cloud/v1' } = context;
  const token = env.HCLOUD_TOKEN || env.HETZNER_API_TOKEN || (await hcloudToken(env));
  const { content } = await web.json(`${url}/pricing`, { authorization: `Bearer ${token}` });
  const pricing = fieldsIn(content as Fields, 'pricing');
  const currency = textIn(pricing, 'currency');
  if (!/^[A-Z]{3}$/.test(currency)) throw notAList(hetzner.title, 'pricing.currency');
  const machines: ListedPrice[] = [];
  const traffic = new Map<string, ListedEgress>();
  const gaps = new Gaps();
  for (const type of listIn(pricing, 'server_types', hetzner)) {
    const instanceType = textIn(type, 'name');
    const prices = Array.isArray(type.prices) ? (type.prices as readonly Fields[]) : [];
    if (prices.length === 0) gaps.add(instanceType);
    for (const each of prices) {
      const region = textIn(each, 'location');
      const price = bothPrices(net(each, 'price_hourly'), net(each, 'price_monthly'), currency);
      if (instanceType === '' || region === '' || price === undefined) gaps.add(`${instanceType} ${region}`);
      else machines.push({ region, instanceType, isSpot: false, ...price });
      const perTb = net(each, 'price_per_tb_traffic');
      if (perTb !== undefined && region !== '' && !traffic.has(region))
        traffic.set(region, { region, to: 'internet', currency, nanosPerGb: Math.round(perTb / 1000) });
    }
  }
  gaps.tell(context);
  return assertSome({ machines, egress: [...traffic.values()] }, hetzner);
}

function net(fields: Fields, key: string): number | undefined {
  return nanosOf(fieldsIn(fields, key)?.net);
}
