import { Ec2Client } from '../drivers/amazonec2/client.ts';
import { ec2Needs } from '../drivers/amazonec2/needs.ts';
import { options, typedOptions } from '../drivers/amazonec2/options.ts';
import { DriverError } from '../drivers/errors.ts';
import { resolveOptions } from '../drivers/option-values.ts';
import { priceOf } from '../prices/price.ts';
import type { ListedPrice } from '../prices/price-list.ts';
import { PriceListError } from './errors.ts';
import type { SourceContext } from './price-source.ts';
import { nanosOf } from './reading.ts';

/** Spot prices of a region as they are now, by zone; none without credentials that may ask for them, which is said. */
export async function spotPrices(
  { env, signal, clock, note, web }: SourceContext,
  region: string,
): Promise<readonly ListedPrice[]> {
  const unmet = (await ec2Needs(env)).find(({ isMet }) => !isMet);
  if (unmet !== undefined) {
    note(`no spot prices: ${unmet.text}`);
    return [];
  }
  const values = resolveOptions('amazonec2', options, { 'amazonec2-region': region }, env);
  const ec2 = new Ec2Client({ options: typedOptions(values), change: (_, make) => make() });
  const found = new Map<string, ListedPrice & { readonly since: number }>();
  try {
    let NextToken: string | undefined;
    for (let page = 0; page === 0 || NextToken; page += 1) {
      if (page >= web.limits.maxPages)
        throw new PriceListError('AWS', `more than ${web.limits.maxPages} pages of spot prices`);
      const answer = await ec2.read(
        (api, send) =>
          api.describeSpotPriceHistory(
            {
              // From now on: the prices that hold.
              StartTime: new Date(clock.now()),
              ProductDescriptions: ['Linux/UNIX'],
              MaxResults: 1000,
              ...(NextToken === undefined ? {} : { NextToken }),
            },
            send,
          ),
        signal,
      );
      for (const { InstanceType, AvailabilityZone: zone, SpotPrice, Timestamp } of answer.SpotPriceHistory ?? []) {
        const nanos = nanosOf(SpotPrice);
        const since = Timestamp?.getTime() ?? 0;
        if (!nanos || !InstanceType || !zone || since < (found.get(`${InstanceType} ${zone}`)?.since ?? 0)) continue;
        const price = priceOf('hour', nanos, 'USD');
        found.set(`${InstanceType} ${zone}`, {
          region,
          zone,
          instanceType: InstanceType,
          isSpot: true,
          ...price,
          since,
        });
      }
      NextToken = answer.NextToken;
    }
  } catch (error) {
    // The other prices need no credentials.
    if (!(error instanceof DriverError) || !/^(?:BAD_CREDENTIALS|FORBIDDEN)$/.test(error.code)) throw error;
    note(`no spot prices: ${error.message}`);
    return [];
  } finally {
    await ec2.close();
  }
  return [...found.values()].map(({ since: _, ...price }) => price);
}
