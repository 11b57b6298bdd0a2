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
    const traffic = await internet(context, region);
    if (traffic !== undefined) egress.push(traffic);
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

/** What a gigabyte to the internet costs beyond what is free: the dearest of the tiers, which is the first one. */
async function internet(context: SourceContext, region: string): Promise<ListedEgress | undefined> {
  let best: ListedEgress | undefined;
  try {
    await table(
      context,
      'AWSDataTransfer',
      region,
      () => {
        best = undefined;
      },
      (value) => {
        if (value('Transfer Type') !== 'AWS Outbound' || value('From Region Code') !== region) return;
        const nanosPerGb = nanosOf(value('PricePerUnit'));
        const currency = value('Currency');
        if (nanosPerGb === undefined || value('Unit') !== 'GB' || !/^[A-Z]{3}$/.test(currency)) return;
        if (nanosPerGb > (best?.nanosPerGb ?? 0)) best = { region, to: 'internet', currency, nanosPerGb };
      },
    );
  } catch (error) {
    if (!(error instanceof PriceListError) || error.code !== 'NO_SUCH_LIST') throw error;
  }
  return best;
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
