import { priceOf } from '../prices/price.ts';
import type { ListedEgress, ListedPrice } from '../prices/price-list.ts';
import { spotPrices } from './amazonec2-spot.ts';
import { CsvTable } from './csv-table.ts';
import { PriceListError } from './errors.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, Gaps, nanosOf, notAList } from './reading.ts';

/**
 * AWS' public price list, read line by line: docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-bulk-api.html. Prices of
 * spot instances are those of EC2's API at the moment, where there are credentials for it.
 */
export const amazonec2: PriceSource = {
  provider: 'amazonec2',
  title: 'AWS',
  needs: 'nothing; for spot prices AWS_ACCESS_KEY_ID or a profile, with ec2:DescribeSpotPriceHistory',
  covers: 'one-region',
  read,
};

async function read(context: SourceContext): Promise<SourceAnswer> {
  const machines: ListedPrice[] = [];
  const egress: ListedEgress[] = [];
  const gaps = new Gaps();
  for (const region of context.regions) {
    machines.push(...(await onDemand(context, region, gaps)), ...(await spotPrices(context, region)));
    egress.push(...(await traffic(context, region)));
  }
  gaps.tell(context);
  return assertSome({ machines, egress }, amazonec2);
}

/** What a machine with Linux and nothing else costs, without a commitment. */
const WANTED: readonly (readonly [title: string, value: string])[] = [
  ['TermType', 'OnDemand'],
  ['Operating System', 'Linux'],
  ['CapacityStatus', 'Used'],
  ['Tenancy', 'Shared'],
  ['Pre Installed S/W', 'NA'],
  ['operation', 'RunInstances'],
  ['Unit', 'Hrs'],
];

async function onDemand(context: SourceContext, region: string, gaps: Gaps): Promise<readonly ListedPrice[]> {
  const found = new Map<string, ListedPrice>();
  await table(
    context,
    'AmazonEC2',
    region,
    () => found.clear(),
    (value) => {
      if (WANTED.some(([title, wanted]) => value(title) !== wanted)) return;
      const instanceType = value('Instance Type');
      const nanos = nanosOf(value('PricePerUnit'));
      const currency = value('Currency');
      if (!nanos || !/^[A-Z]{3}$/.test(currency) || instanceType === '') gaps.add(`${instanceType} ${region}`);
      else found.set(instanceType, { region, instanceType, isSpot: false, ...priceOf('hour', nanos, currency) });
    },
  );
  return [...found.values()];
}

/** What a gigabyte out of a region costs beyond what is free: the dearest of the tiers, which is the first one. */
async function traffic(context: SourceContext, region: string): Promise<readonly ListedEgress[]> {
  const best = new Map<string, ListedEgress>();
  try {
    await table(
      context,
      'AWSDataTransfer',
      region,
      () => best.clear(),
      (value) => {
        const to = targetOf(value, region);
        const nanosPerGb = nanosOf(value('PricePerUnit'));
        const currency = value('Currency');
        if (!to || nanosPerGb === undefined || value('Unit') !== 'GB' || !/^[A-Z]{3}$/.test(currency)) return;
        const key = to.toRegion ?? '';
        if (nanosPerGb > (best.get(key)?.nanosPerGb ?? 0)) best.set(key, { region, ...to, currency, nanosPerGb });
      },
    );
  } catch (error) {
    if (!(error instanceof PriceListError) || error.code !== 'NO_SUCH_LIST') throw error;
  }
  return [...best.values()];
}

/** Where what a row is about goes; undefined for what comes in, and for everything that is no traffic from the region. */
function targetOf(value: (title: string) => string, region: string): Pick<ListedEgress, 'to' | 'toRegion'> | undefined {
  if (value('From Region Code') !== region) return undefined;
  if (value('Transfer Type') === 'AWS Outbound') return { to: 'internet' };
  const toRegion = value('To Region Code');
  if (value('Transfer Type') !== 'InterRegion Outbound' || toRegion === '' || toRegion === region) return undefined;
  return { to: 'provider', toRegion };
}

/** Reads one offer of one region; `begin` is called again when the connection broke and everything comes anew. */
async function table(
  { web, url = 'https://pricing.us-east-1.amazonaws.com' }: SourceContext,
  offer: string,
  region: string,
  begin: () => void,
  take: (value: (title: string) => string) => void,
): Promise<void> {
  let csv = new CsvTable('SKU');
  await web.lines(
    `${url}/offers/v1.0/aws/${offer}/current/${encodeURIComponent(region)}/index.csv`,
    () => {
      csv = new CsvTable('SKU');
      begin();
    },
    (line) => {
      const row = csv.row(line);
      if (row !== undefined) take(row);
    },
  );
  if (!csv.hasTitles) throw notAList(amazonec2.title, 'SKU');
}
