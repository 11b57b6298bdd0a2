import { loadSdk } from '../drivers/cloud/sdk.ts';
import { googleNeeds, PACKAGES } from '../drivers/google/needs.ts';
import { priceOf } from '../prices/price.ts';
import type { ListedPrice } from '../prices/price-list.ts';
import { PriceListError } from './errors.ts';
import { SHAPES } from './google-types.ts';
import type { PriceSource, SourceAnswer, SourceContext } from './price-source.ts';
import { assertSome, type Fields, fieldsIn, Gaps, listIn, nanosOf, readPages, textIn } from './reading.ts';

/**
 * Cloud Billing's catalogue: cloud.google.com/billing/docs/reference/rest/v1/services.skus. It has prices of cores and of memory; those of
 * machine types are computed from them. Traffic depends on where it goes and is left out.
 */
export const google: PriceSource = {
  provider: 'google',
  title: 'Google Cloud',
  needs: 'GOOGLE_API_KEY (a key for the Cloud Billing API), or what gcloud auth application-default login leaves',
  covers: 'regions',
  read,
};

/** Compute Engine. */
const SERVICE = '6F81-5844-456A';
const SCOPE = 'https://www.googleapis.com/auth/cloud-billing.readonly';
const RUNNING = / (Core|Ram) running in /;

async function read(context: SourceContext): Promise<SourceAnswer> {
  const { url = 'https://cloudbilling.googleapis.com' } = context;
  const first = `${url}/v1/services/${SERVICE}/skus?currencyCode=USD&pageSize=5000`;
  const parts = new Map<string, Part>();
  const gaps = new Gaps();
  await readPages(context, google, first, await credentials(context), (content) => {
    for (const sku of listIn(content, 'skus', google)) notePart(sku, context.regions, parts, gaps);
    const token = textIn(content as Fields, 'nextPageToken');
    return token === '' ? undefined : `${first}&pageToken=${encodeURIComponent(token)}`;
  });
  gaps.tell(context);
  return assertSome({ machines: machinesOf(parts, context.regions), egress: [] }, google);
}

/** What an hour of a core, or of a gibibyte, costs. */
interface Part {
  readonly nanos: number;
  readonly currency: string;
}

function keyOf(sku: string, what: string, region: string, isSpot: boolean): string {
  return [sku, what, region, isSpot].join('\n');
}

function notePart(sku: Fields, regions: readonly string[], parts: Map<string, Part>, gaps: Gaps): void {
  const usage = textIn(fieldsIn(sku, 'category'), 'usageType');
  if (usage !== 'OnDemand' && usage !== 'Preemptible') return;
  const description = textIn(sku, 'description').replace(/^Spot Preemptible /, '');
  const found = RUNNING.exec(description);
  if (found === null) return;
  const name = description.slice(0, found.index);
  const part = partOf(sku);
  const served = Array.isArray(sku.serviceRegions) ? sku.serviceRegions : [];
  for (const region of regions.filter((each) => served.includes(each))) {
    if (part === undefined) gaps.add(textIn(sku, 'description'));
    else parts.set(keyOf(name, found[1] ?? '', region, usage === 'Preemptible'), part);
  }
}

/** The price beyond free amounts of the one way to pay that holds at present; undefined when there is none by the hour. */
function partOf(sku: Fields): Part | undefined {
  const [info] = Array.isArray(sku.pricingInfo) ? (sku.pricingInfo as readonly Fields[]) : [];
  const expression = fieldsIn(info, 'pricingExpression');
  if (!/^(?:h|GiBy\.h)$/.test(textIn(expression, 'usageUnit'))) return undefined;
  const tiers = Array.isArray(expression?.tieredRates) ? (expression.tieredRates as readonly Fields[]) : [];
  for (const tier of tiers) {
    const price = fieldsIn(tier, 'unitPrice');
    const units = nanosOf(textIn(price, 'units') || '0');
    const rest = typeof price?.nanos === 'number' ? price.nanos : 0;
    const nanos = (units ?? Number.NaN) + rest;
    const currency = textIn(price, 'currencyCode');
    if (nanos > 0 && Number.isSafeInteger(nanos) && /^[A-Z]{3}$/.test(currency)) return { nanos, currency };
  }
  return undefined;
}

function machinesOf(parts: ReadonlyMap<string, Part>, regions: readonly string[]): readonly ListedPrice[] {
  return regions.flatMap((region) =>
    [false, true].flatMap((isSpot) =>
      SHAPES.flatMap(({ name, sku, cores, memoryGib }) => {
        const core = parts.get(keyOf(sku, 'Core', region, isSpot));
        const memory = parts.get(keyOf(sku, 'Ram', region, isSpot));
        if (core === undefined || memory === undefined || core.currency !== memory.currency) return [];
        const nanos = Math.round(core.nanos * cores + memory.nanos * memoryGib);
        return [{ region, instanceType: name, isSpot, ...priceOf('hour', nanos, core.currency) }];
      }),
    ),
  );
}

/** A key in a header, where no log of addresses has it; else what Google's own library finds. */
async function credentials({ env }: SourceContext): Promise<Readonly<Record<string, string>>> {
  if (env.GOOGLE_API_KEY) return { 'x-goog-api-key': env.GOOGLE_API_KEY };
  const needs = await googleNeeds(env);
  if (needs.some(({ what, isMet }) => what === 'credentials' && !isMet))
    throw new PriceListError(google.title, `it needs ${google.needs}`, 'BAD_CREDENTIALS');
  const { GoogleAuth } = await loadSdk('google', PACKAGES, () => import('google-auth-library'));
  const keyFilename = env.GOOGLE_APPLICATION_CREDENTIALS;
  const auth = new GoogleAuth({ scopes: [SCOPE], ...(keyFilename ? { keyFilename } : {}) });
  return Object.fromEntries(await auth.getRequestHeaders());
}
