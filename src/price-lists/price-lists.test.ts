import { describe, expect, it } from 'vitest';
import { ACCESS_KEY, SECRET_KEY, startEc2 } from '../../test/clouds/ec2/ec2-server.ts';
import { machineLines, type PriceWorld, pausingClock, testPriceSource } from '../../test/conformance/price-source.ts';
import { type ListAnswer, type ListRequest, startListServer } from '../../test/price-lists/list-server.ts';
import { amazonec2 } from './amazonec2.ts';
import { azure } from './azure.ts';
import { CsvTable } from './csv-table.ts';
import { digitalocean } from './digitalocean.ts';
import { google } from './google.ts';
import { hetzner } from './hetzner.ts';
import { linode } from './linode.ts';
import { ovhcloud } from './ovhcloud.ts';
import type { PriceSource } from './price-source.ts';
import { scaleway } from './scaleway.ts';
import { readList, SOURCES, sourceOf } from './sources.ts';
import { vultr } from './vultr.ts';

const TOKEN = 'a-test-token';
const DENIED: ListAnswer = { status: 401, content: { error: { code: 'unauthorized' } } };
const none = new AbortController().signal;

function isSigned({ headers }: ListRequest): boolean {
  return headers.authorization === `Bearer ${TOKEN}`;
}

/** A page of a list, `size` items long, from `offset`. */
function slice<T>(items: readonly T[], offset: number, size: number): readonly T[] {
  return items.slice(offset, offset + size);
}

const HETZNER_TYPES = [
  {
    name: 'cx23',
    prices: [
      hetznerPrice('nbg1', '0.0056000000', '3.4900000000', '1.0000000000'),
      hetznerPrice('sin', '0.0100', '6.00', '7.4'),
    ],
  },
  { name: 'cax11', prices: [hetznerPrice('nbg1', '0.0060', '3.79', '1.0')] },
  { name: 'old', prices: [{ location: 'nbg1', price_hourly: null, price_monthly: null }] },
];

function hetznerPrice(location: string, hour: string, month: string, traffic: string): Record<string, unknown> {
  const both = (net: string) => ({ net, gross: String(Number(net) * 1.19) });
  return {
    location,
    price_hourly: both(hour),
    price_monthly: both(month),
    included_traffic: 21_990_232_555_520,
    price_per_tb_traffic: both(traffic),
  };
}

testPriceSource(
  hetzner,
  async (): Promise<PriceWorld> => ({
    server: await startListServer((request) => {
      if (!isSigned(request)) return DENIED;
      if (request.path !== '/pricing') return undefined;
      return { content: { pricing: { currency: 'EUR', vat_rate: '19.00', server_types: HETZNER_TYPES } } };
    }),
    env: { HCLOUD_TOKEN: TOKEN },
    withoutCredentials: {},
    regions: [],
    machines: ['nbg1 cax11 0.006/h 3.79/month EUR', 'nbg1 cx23 0.0056/h 3.49/month EUR', 'sin cx23 0.01/h 6/month EUR'],
    egress: ['nbg1 internet 0.001 EUR', 'sin internet 0.0074 EUR'],
    gaps: /^1 entry without a price left out: old nbg1$/,
  }),
);

const SIZES = [
  { slug: 's-1vcpu-1gb', price_hourly: 0.00892857, price_monthly: 6, regions: ['fra1', 'nyc3'] },
  { slug: 's-1vcpu-512mb-10gb', price_hourly: 0.0059500001370906, price_monthly: 4, regions: ['nyc3'] },
  { slug: 'gone', price_hourly: null, price_monthly: null, regions: ['nyc3'] },
];

testPriceSource(digitalocean, async (): Promise<PriceWorld> => {
  const server = await startListServer((request) => {
    if (!isSigned(request)) return DENIED;
    if (request.path !== '/v2/sizes') return undefined;
    const page = Number(request.query.get('page') ?? 1);
    const next = `${server.url}/v2/sizes?page=${page + 1}&per_page=200`;
    const links = page < SIZES.length ? { pages: { next, last: next } } : {};
    return { content: { sizes: slice(SIZES, page - 1, 1), links, meta: { total: SIZES.length } } };
  });
  return {
    server,
    env: { DIGITALOCEAN_ACCESS_TOKEN: TOKEN },
    withoutCredentials: {},
    regions: [],
    machines: [
      'fra1 s-1vcpu-1gb 0.00892857/h 6/month USD',
      'nyc3 s-1vcpu-1gb 0.00892857/h 6/month USD',
      'nyc3 s-1vcpu-512mb-10gb 0.00595/h 4/month USD',
    ],
    gaps: /gone/,
  };
});

const LINODE_TYPES = [
  {
    id: 'g6-nanode-1',
    price: { hourly: 0.0075, monthly: 5 },
    region_prices: [{ id: 'br-gru', hourly: 0.0105, monthly: 7 }],
  },
  { id: 'g6-standard-1', price: { hourly: 0.018, monthly: 12 }, region_prices: [] },
  { id: 'g1-unpriced', price: null },
];

testPriceSource(linode, async (): Promise<PriceWorld> => {
  const lists: Readonly<Record<string, readonly unknown[]>> = {
    '/v4/regions': [{ id: 'eu-central' }, { id: 'br-gru' }],
    '/v4/linode/types': LINODE_TYPES,
    '/v4/network-transfer/prices': [
      {
        id: 'network_transfer',
        price: { hourly: 0.005, monthly: null },
        region_prices: [{ id: 'br-gru', hourly: 0.007, monthly: null }],
      },
    ],
  };
  return {
    server: await startListServer(({ path, query }) => {
      const items = lists[path];
      if (items === undefined) return undefined;
      const page = Number(query.get('page'));
      return { content: { data: slice(items, page - 1, 1), page, pages: items.length, results: items.length } };
    }),
    regions: [],
    machines: [
      'br-gru g6-nanode-1 0.0105/h 7/month USD',
      'br-gru g6-standard-1 0.018/h 12/month USD',
      'eu-central g6-nanode-1 0.0075/h 5/month USD',
      'eu-central g6-standard-1 0.018/h 12/month USD',
    ],
    egress: ['br-gru internet 0.007 USD', 'eu-central internet 0.005 USD'],
    gaps: /^2 entries .*g1-unpriced eu-central, g1-unpriced br-gru$/,
  };
});

const PLANS = [
  {
    id: 'vc2-1c-1gb',
    monthly_cost: 5,
    hourly_cost: 0.007,
    locations: ['ewr', 'sao'],
    location_cost: { sao: { monthly_cost: 7.5, hourly_cost: 0.011 } },
  },
  { id: 'vc2-1c-2gb', monthly_cost: 10, locations: ['ewr'] },
  { id: 'vx1', locations: ['ewr'] },
];

testPriceSource(
  vultr,
  async (): Promise<PriceWorld> => ({
    server: await startListServer(({ path, query }) => {
      if (path !== '/v2/plans') return undefined;
      const at = Number(query.get('cursor') ?? 0);
      const next = at + 1 < PLANS.length ? String(at + 1) : '';
      return { content: { plans: slice(PLANS, at, 1), meta: { total: PLANS.length, links: { next, prev: '' } } } };
    }),
    regions: [],
    machines: [
      'ewr vc2-1c-1gb 0.007/h 5/month USD',
      'ewr vc2-1c-2gb 0.01369863/h 10/month USD',
      'sao vc2-1c-1gb 0.011/h 7.5/month USD',
    ],
    gaps: /vx1 ewr/,
  }),
);

testPriceSource(
  scaleway,
  async (): Promise<PriceWorld> => ({
    server: await startListServer(({ path, query }) => {
      const [, zone = ''] = /^\/instance\/v1\/zones\/([^/]+)\/products\/servers$/.exec(path) ?? [];
      const zones: Readonly<Record<string, readonly [string, unknown][]>> = {
        'fr-par-1': [
          ['DEV1-S', { hourly_price: 0.0099, monthly_price: 7.227, ncpus: 2 }],
          ['PLAY2-PICO', { hourly_price: 0.014, monthly_price: 10.22 }],
          ['VC1', { hourly_price: 0, monthly_price: 0 }],
        ],
        'fr-par-2': [['PRO2-XXS', { hourly_price: 0.055 }]],
      };
      const servers = zones[zone];
      if (servers === undefined) return undefined;
      const found = slice(servers, Number(query.get('page')) - 1, 1);
      return { content: { servers: Object.fromEntries(found) }, headers: { 'X-Total-Count': String(servers.length) } };
    }),
    regions: ['fr-par'],
    machines: [
      'fr-par/fr-par-1 DEV1-S 0.0099/h 7.227/month EUR',
      'fr-par/fr-par-1 PLAY2-PICO 0.014/h 10.22/month EUR',
      'fr-par/fr-par-2 PRO2-XXS 0.055/h 40.15/month EUR',
    ],
    gaps: /VC1 fr-par-1/,
  }),
);

function addon(planCode: string, price: unknown, product = 'publiccloud-instance'): Record<string, unknown> {
  const pricings = [{ phase: 0, capacities: ['consumption'], intervalUnit: 'none', price, tax: 0 }];
  return { planCode, product, pricings };
}

testPriceSource(
  ovhcloud,
  async (): Promise<PriceWorld> => ({
    server: await startListServer(({ path, query }) => {
      if (path !== '/order/catalog/public/cloud' || query.get('ovhSubsidiary') !== 'PL') return undefined;
      const addons = [
        addon('b3-8.consumption', 22_570_000),
        addon('b3-8.consumption.3AZ', 25_000_000),
        addon('b3-8.monthly.postpaid', 900_000_000),
        addon('win-b3-8.consumption', 40_000_000),
        addon('volume-high.consumption', 1_000, 'publiccloud-volume'),
        addon('d2-2.consumption', null),
      ];
      return { content: { locale: { currencyCode: 'PLN', subsidiary: 'PL', taxRate: 23 }, plans: [], addons } };
    }),
    env: { OVH_SUBSIDIARY: 'PL' },
    regions: ['GRA11', 'EU-WEST-PAR', 'EU-WEST-LZ-BRU-A'],
    machines: ['EU-WEST-PAR b3-8 0.25/h 182.5/month PLN', 'GRA11 b3-8 0.2257/h 164.761/month PLN'],
    gaps: /^1 entry .*d2-2$/,
  }),
);

function meter(armSkuName: string, skuName: string, unitPrice: unknown, more: object = {}): Record<string, unknown> {
  return {
    ...{ armSkuName, skuName, unitPrice, retailPrice: unitPrice, currencyCode: 'USD', armRegionName: 'westeurope' },
    ...{ productName: 'Virtual Machines BS Series', unitOfMeasure: '1 Hour', type: 'Consumption' },
    ...{ effectiveStartDate: '2024-01-01T00:00:00Z', ...more },
  };
}

const METERS = [
  meter('Standard_B2s', 'B2s', 0.048),
  meter('Standard_B2s', 'B2s', 0.05, { effectiveStartDate: '2025-01-01T00:00:00Z' }),
  meter('Standard_B2s', 'B2s', 0.01, { effectiveStartDate: '2999-01-01T00:00:00Z' }),
  meter('Standard_B2s', 'B2s', 0.056, { productName: 'Virtual Machines BS Series Windows' }),
  meter('Standard_B2s', 'B2s Spot', 0.0096),
  meter('Standard_B2s', 'B2s Low Priority', 0.0192),
  meter('Standard_D2s_v5', 'D2s v5', 0.115),
  meter('Standard_D4s_v5', 'D4s v5', 0),
];
const TRANSFER = { productName: 'Rtn Preference: MGN', meterName: 'Standard Data Transfer Out', unitOfMeasure: '1 GB' };
const BANDWIDTH = [
  meter('', 'Standard', 0, { ...TRANSFER, tierMinimumUnits: 0 }),
  meter('', 'Standard', 0.08, { ...TRANSFER, tierMinimumUnits: 100 }),
  meter('', 'Standard', 0.065, { ...TRANSFER, tierMinimumUnits: 10_335 }),
  meter('', 'Standard', 0.2, { ...TRANSFER, meterName: 'Standard Inter-Continent Data Transfer Out' }),
];

testPriceSource(azure, async (): Promise<PriceWorld> => {
  const server = await startListServer(({ path, query }) => {
    if (path !== '/api/retail/prices') return undefined;
    const filter = query.get('$filter') ?? '';
    if (!filter.includes("armRegionName eq 'westeurope'") || !filter.includes("priceType eq 'Consumption'"))
      return { content: { Items: [], NextPageLink: null, Count: 0 } };
    const all = filter.includes("'Virtual Machines'") ? METERS : BANDWIDTH;
    const at = Number(query.get('$skip') ?? 0);
    // Broken as the real one was for a while: it names a port that nobody listens on.
    const NextPageLink = at + 3 < all.length ? `https://prices.azure.com:443/api/retail/prices?$skip=${at + 2}` : null;
    return { content: { Items: slice(all, at, 3), NextPageLink, Count: 3 } };
  });
  return {
    server,
    regions: ['westeurope'],
    machines: [
      'westeurope Standard_B2s 0.05/h 36.5/month USD',
      'westeurope Standard_B2s spot 0.0096/h 7.008/month USD',
      'westeurope Standard_D2s_v5 0.115/h 83.95/month USD',
    ],
    egress: ['westeurope internet 0.08 USD'],
    gaps: /Standard_D4s_v5/,
  };
});

function sku(
  description: string,
  usageType: string,
  usageUnit: string,
  nanos: number | undefined,
): Record<string, unknown> {
  const unitPrice = { currencyCode: 'USD', units: '0', nanos };
  return {
    description,
    category: { resourceFamily: 'Compute', resourceGroup: 'CPU', usageType },
    serviceRegions: ['europe-west3', 'europe-west9'],
    pricingInfo: [
      {
        pricingExpression: { usageUnit, tieredRates: nanos === undefined ? [] : [{ startUsageAmount: 0, unitPrice }] },
      },
    ],
  };
}

const SKUS = [
  sku('E2 Instance Core running in Frankfurt', 'OnDemand', 'h', 28_103_000),
  sku('E2 Instance Ram running in Frankfurt', 'OnDemand', 'GiBy.h', 3_766_000),
  sku('Spot Preemptible E2 Instance Core running in Frankfurt', 'Preemptible', 'h', 8_000_000),
  sku('Spot Preemptible E2 Instance Ram running in Frankfurt', 'Preemptible', 'GiBy.h', 1_000_000),
  sku('Commitment v1: E2 Cpu in Frankfurt for 1 Year', 'Commit1Yr', 'h', 17_000_000),
  sku('N2 Instance Core running in Frankfurt', 'OnDemand', 'h', undefined),
  sku('Network Internet Data Transfer Out from Frankfurt to Brazil', 'OnDemand', 'GiBy', 120_000_000),
];

function googleWorld(): Promise<PriceWorld> {
  return startListServer(({ path, query, headers }) => {
    if (headers['x-goog-api-key'] !== TOKEN) return DENIED;
    if (path !== '/v1/services/6F81-5844-456A/skus') return undefined;
    const at = Number(query.get('pageToken') || 0);
    return { content: { skus: slice(SKUS, at, 2), nextPageToken: at + 2 < SKUS.length ? String(at + 2) : '' } };
  }).then((server) => ({
    server,
    env: { GOOGLE_API_KEY: TOKEN },
    withoutCredentials: {},
    regions: ['europe-west3'],
    machines: GOOGLE_MACHINES,
    gaps: /^1 entry .*N2 Instance Core running in Frankfurt$/,
  }));
}

/** 17 sizes of E2, of which these are looked at. */
const GOOGLE_MACHINES = e2Lines();

function e2Lines(): readonly string[] {
  const gib: Readonly<Record<string, number>> = { standard: 4, highmem: 8, highcpu: 1 };
  const sizes: (readonly [name: string, cores: number, memory: number])[] = [
    ['e2-micro', 0.25, 1],
    ['e2-small', 0.5, 2],
    ['e2-medium', 1, 4],
    ...[2, 4, 8, 16, 32].flatMap((cores) =>
      Object.entries(gib).map(([word, each]) => [`e2-${word}-${cores}`, cores, cores * each] as const),
    ),
  ];
  const line = (name: string, nanos: number, spot: string): string =>
    `europe-west3 ${name}${spot} ${nanos / 1e9}/h ${(nanos * 730) / 1e9}/month USD`;
  return sizes
    .flatMap(([name, cores, memory]) => [
      line(name, Math.round(28_103_000 * cores + 3_766_000 * memory), ''),
      line(name, Math.round(8_000_000 * cores + 1_000_000 * memory), ' spot'),
    ])
    .sort();
}

testPriceSource(google, googleWorld);

const TITLES =
  '"SKU","TermType","Unit","PricePerUnit","Currency","Instance Type","Tenancy","Operating System","CapacityStatus","Pre Installed S/W","operation","Transfer Type","From Region Code","To Region Code"';

function offer(rows: readonly (readonly string[])[]): string {
  const head = [
    '"FormatVersion","v1.0"',
    '"Disclaimer","This ""list"" is for information, only"',
    '"Publication Date","2026"',
  ];
  const lines = rows.map((row) => row.map((value) => `"${value}"`).join(','));
  return `${[...head, '"Version","1"', '"OfferCode","x"', TITLES, ...lines].join('\r\n')}\r\n`;
}

function instance(type: string, price: string, more: Readonly<Record<number, string>> = {}): readonly string[] {
  const row = ['K1', 'OnDemand', 'Hrs', price, 'USD', type, 'Shared', 'Linux', 'Used', 'NA', 'RunInstances', '', ''];
  return row.map((value, index) => more[index] ?? value);
}

const EC2_ROWS = [
  instance('t3.small', '0.0208000000'),
  instance('t3.small', '0.0392000000', { 7: 'Windows' }),
  instance('t3.small', '0.0129000000', { 1: 'Reserved' }),
  instance('t3.small', '0.0000000000', { 8: 'AllocatedCapacityReservation' }),
  instance('t3.small', '0.0300000000', { 6: 'Dedicated' }),
  instance('m7i.large', '0.1008000000'),
  instance('m7i.large', '0.5808000000', { 9: 'SQL Std', 10: 'RunInstances:0004' }),
  instance('m7i.metal', ''),
];

function transfer(type: string, price: string, region: string, to = ''): readonly string[] {
  return ['K2', 'OnDemand', 'GB', price, 'USD', '', '', '', '', '', '', type, region, to];
}

function ec2Lists({ path }: ListRequest): ListAnswer | undefined {
  if (path === '/offers/v1.0/aws/AmazonEC2/current/us-east-1/index.csv') return { content: offer(EC2_ROWS) };
  if (path !== '/offers/v1.0/aws/AWSDataTransfer/current/us-east-1/index.csv') return undefined;
  return {
    content: offer([
      transfer('AWS Outbound', '0.0500000000', 'us-east-1'),
      transfer('AWS Outbound', '0.0900000000', 'us-east-1'),
      transfer('AWS Inbound', '0.0000000000', 'us-east-1'),
      transfer('InterRegion Outbound', '0.0200000000', 'us-east-1', 'eu-west-1'),
      transfer('InterRegion Outbound', '0.0100000000', 'us-east-1', 'us-east-2'),
      transfer('InterRegion Outbound', '0.2000000000', 'us-east-1'),
      transfer('InterRegion Outbound', '0.3000000000', 'eu-west-1', 'us-east-1'),
      transfer('InterRegion Inbound', '0.0000000000', 'us-east-1', 'eu-west-1'),
    ]),
  };
}

testPriceSource(amazonec2, async (): Promise<PriceWorld> => {
  const ec2 = await startEc2();
  return {
    server: await startListServer(ec2Lists),
    env: { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: SECRET_KEY, AWS_ENDPOINT_URL_EC2: ec2.url },
    regions: ['us-east-1'],
    machines: [
      'us-east-1 m7i.large 0.1008/h 73.584/month USD',
      'us-east-1 t3.small 0.0208/h 15.184/month USD',
      'us-east-1/us-east-1a m7i.large spot 0.04/h 29.2/month USD',
      'us-east-1/us-east-1a t3.small spot 0.0071/h 5.183/month USD',
      'us-east-1/us-east-1b t3.small spot 0.0068/h 4.964/month USD',
    ],
    egress: [
      'us-east-1 internet 0.09 USD',
      'us-east-1 provider eu-west-1 0.02 USD',
      'us-east-1 provider us-east-2 0.01 USD',
    ],
    gaps: /^1 entry .*m7i\.metal us-east-1$/,
    isCsv: true,
    close: ec2.close,
  };
});

describe('AWS', () => {
  it('has no spot prices without credentials, and says so', async () => {
    const server = await startListServer(ec2Lists);
    const notes: string[] = [];
    const note = (text: string) => notes.push(text);
    const options = { env: { HOME: '/nonexistent' }, signal: none, url: server.url, regions: ['us-east-1'], note };
    const list = await readList(amazonec2, { ...options, clock: pausingClock() });
    expect(machineLines(list).filter((line) => line.includes('spot'))).toEqual([]);
    expect(notes).toContainEqual(expect.stringMatching(/^no spot prices: set AWS_ACCESS_KEY_ID/));
    await server.close();
  });

  it('has its other prices when its credentials are refused, and says so', async () => {
    const [server, ec2] = await Promise.all([startListServer(ec2Lists), startEc2()]);
    const env = { AWS_ACCESS_KEY_ID: ACCESS_KEY, AWS_SECRET_ACCESS_KEY: 'wrong', AWS_ENDPOINT_URL_EC2: ec2.url };
    const notes: string[] = [];
    const options = { env, signal: none, url: server.url, regions: ['us-east-1'], clock: pausingClock() };
    const list = await readList(amazonec2, { ...options, note: (text) => notes.push(text) });
    expect(machineLines(list)).toHaveLength(2);
    expect(notes).toContainEqual(expect.stringMatching(/^no spot prices: .*Check the access key and its secret/));
    await Promise.all([server.close(), ec2.close()]);
  });
});

describe('sources', () => {
  it('go by the names of the drivers that make machines there, each once', () => {
    const names = SOURCES.map(({ provider }) => provider);
    expect(names).toEqual([...new Set(names)].sort());
  });

  it('that are not known are refused, with the nearest name', () => {
    expect(() => sourceOf('hetzer')).toThrow('no price list of "hetzer" is known. Did you mean "hetzner"?');
    expect(() => sourceOf('rackspace')).toThrow(/There are amazonec2, azure/);
  });

  it('by region want one', async () => {
    const options = { env: {}, signal: none, regions: [], note: () => undefined, clock: pausingClock() };
    await expect(readList(azure, options)).rejects.toThrow('prices of Azure are by region: name one with --region');
  });

  it('say when a region has no prices, rather than making an empty list', async () => {
    const server = await startListServer(() => ({ content: { Items: [], NextPageLink: null } }));
    const options = { env: {}, signal: none, url: server.url, regions: ['atlantis'], note: () => undefined };
    const reading = readList(azure, { ...options, clock: pausingClock() });
    await expect(reading).rejects.toThrow('Azure: its list has no prices of machines for these regions');
    await server.close();
  });

  it('do not follow pages to another host, where credentials would go, nor in a circle', async () => {
    let next = 'https://evil.example/v2/sizes';
    const server = await startListServer(() => ({ content: { sizes: SIZES, links: { pages: { next } } } }));
    const env = { DIGITALOCEAN_ACCESS_TOKEN: TOKEN };
    const options = { env, signal: none, url: server.url, regions: [], note: () => undefined, clock: pausingClock() };
    await expect(readList(digitalocean, options)).rejects.toThrow('its list goes on at another host');
    next = `${server.url}/v2/sizes?page=2`;
    await expect(readList(digitalocean, options)).rejects.toThrow('its pages go round in a circle');
    await server.close();
  });
});

describe('credentials', () => {
  const options = { signal: none, regions: ['nbg1'], note: () => undefined, clock: pausingClock() };
  const refusal = (source: PriceSource, env: Readonly<Record<string, string>>, url: string) =>
    readList(source, { ...options, env, url }).then(
      () => 'read',
      (error: Error) => error.message,
    );

  it('do not follow to another address', async () => {
    const other = await startListServer(() => ({ content: {} }));
    const server = await startListServer(() => ({ status: 302, content: '', headers: { location: other.url } }));
    const { host } = new URL(server.url);
    const told = `${host} leads to another address (302), and credentials are not sent there`;
    expect(await refusal(google, { GOOGLE_API_KEY: TOKEN }, server.url)).toBe(`Google Cloud: ${told}`);
    expect(await refusal(hetzner, { HCLOUD_TOKEN: TOKEN }, server.url)).toBe(`Hetzner Cloud: ${told}`);
    expect(other.requests).toEqual([]);
    // Without credentials, a list may have moved.
    expect(await refusal(linode, {}, server.url)).toContain('it has no "data"');
    await Promise.all([server.close(), other.close()]);
  });

  it('are in no message, whatever is wrong with them', async () => {
    const broken = 'Hetzner Cloud: the credentials have a line break, or another character that none has';
    const url = 'http://127.0.0.1:9';
    expect(await refusal(hetzner, { HCLOUD_TOKEN: `${TOKEN}\nx` }, url)).toBe(broken);
    expect(await refusal(hetzner, { HCLOUD_TOKEN: `${TOKEN}→` }, url)).toBe(broken);
    expect(await refusal(linode, {}, `http://someone:${TOKEN}@127.0.0.1:9`)).toBe(
      'Linode: the address of its list has a user or a password: leave it out',
    );
    expect(await refusal(linode, { LINODE_URL: TOKEN }, '')).toContain('is no URL');
  });
});

describe('entries that are nonsense', () => {
  it('are left out and told, and the others stay', async () => {
    const long = { name: 'x'.repeat(300), prices: [hetznerPrice('nbg1', '1', '1', '1')] };
    const odd = [long, { name: 'none' }, { name: 'huge', prices: [hetznerPrice('nbg1', '900000', '', '1')] }];
    const server_types = [...HETZNER_TYPES, ...odd];
    const server = await startListServer(() => ({ content: { pricing: { currency: 'EUR', server_types } } }));
    const notes: string[] = [];
    const options = { env: { HCLOUD_TOKEN: TOKEN }, signal: none, url: server.url, regions: [], clock: pausingClock() };
    const list = await readList(hetzner, { ...options, note: (text) => notes.push(text) });
    expect(machineLines(list)).toHaveLength(3);
    expect(notes).toEqual([
      '2 entries without a price left out: old nbg1, none',
      "2 prices left out: not a machine's, or more than nine million a month",
    ]);
    await server.close();
  });
});

describe('comma-separated values', () => {
  it.each([
    ['a,b,c', ['a', 'b', 'c']],
    ['"a","b ""x"", y",""', ['a', 'b "x", y', '']],
    ['"a",,', ['a', '', '']],
    ['"open', ['open', '', '']],
  ])('%s', (line, values) => {
    const table = new CsvTable('T1');
    expect(table.row('above,it')).toBeUndefined();
    expect(table.row('"T1",T2,T3')).toBeUndefined();
    const value = table.row(line);
    expect(['T1', 'T2', 'T3'].map((title) => value?.(title))).toEqual(values);
    expect(value?.('T4')).toBe('');
  });
});
