import { describe, expect, it } from 'vitest';
import { exactAmount, formatMoney, NANOS, parseNanos } from './money.ts';
import { HOURS_PER_MONTH, type PricedNode, priceOf } from './price.ts';
import { EMPTY_BOOK, PriceBook, type PriceBookData } from './price-book.ts';
import type { ListedPrice, PriceList, PriceMatch } from './price-list.ts';
import { formatRate, parseRate, Rates } from './rates.ts';

const AS_OF = '2026-11-20T08:00:00.000Z';

function node(labels: Readonly<Record<string, string>>, name = 'a'): PricedNode {
  return { name, labels: new Map(Object.entries(labels)) };
}

function listed(instanceType: string, hourly: string, more: Partial<ListedPrice> = {}): ListedPrice {
  const nanos = parseNanos(hourly) ?? 0;
  return { region: 'nbg1', instanceType, isSpot: false, ...priceOf('hour', nanos, 'EUR'), ...more };
}

const LIST: PriceList = {
  provider: 'hetzner',
  asOf: AS_OF,
  regions: ['nbg1', 'fsn1'],
  machines: [
    listed('cx23', '0.0056'),
    listed('cx23', '0.002', { isSpot: true, zone: 'nbg1-a' }),
    listed('cx23', '0.003', { isSpot: true, zone: 'nbg1-b' }),
  ],
  egress: [
    { to: 'internet', currency: 'EUR', nanosPerGb: 1_000_000 },
    { region: 'nbg1', to: 'internet', currency: 'EUR', nanosPerGb: 2_000_000 },
    { to: 'provider', currency: 'EUR', nanosPerGb: 0 },
    { region: 'nbg1', to: 'provider', toRegion: 'ash', currency: 'EUR', nanosPerGb: 3_000_000 },
  ],
};

const HETZNER = { provider: 'hetzner', region: 'nbg1', 'instance-type': 'cx23' };

function book(data: Partial<PriceBookData> = {}): PriceBook {
  return new PriceBook({ ...EMPTY_BOOK, lists: [LIST], ...data });
}

describe('amounts', () => {
  it.each([
    ['0.0119', 11_900_000],
    ['.5', 500_000_000],
    ['5.', 5 * NANOS],
    ['0.0000000125', 13],
    ['4.2E-3', 4_200_000],
    ['1e3', 1000 * NANOS],
    ['0.1000000000', 100_000_000],
  ])('%s', (text, nanos) => expect(parseNanos(text)).toBe(nanos));

  it.each(['', '.', '-1', '1,5', 'NaN', '0x10', '1e99', '9007200', '1 000', '1'.repeat(100)])('not %j', (text) =>
    expect(parseNanos(text)).toBeUndefined(),
  );

  it.each([
    [0, '0', '0.00 EUR'],
    [11_900_000, '0.0119', '0.0119 EUR'],
    [5_830_000_000, '5.83', '5.83 EUR'],
    [100 * NANOS, '100', '100.00 EUR'],
    [-1, '-0.000000001', '-0.0000 EUR'],
  ])('%d is shown as %s', (nanos, exact, money) => {
    expect(exactAmount(nanos)).toBe(exact);
    expect(formatMoney({ nanos, currency: 'EUR' })).toBe(money);
  });
});

describe('the price of a node', () => {
  it('is what its own label says, before a file and a list', () => {
    const { price } = book().nodePrice(node({ ...HETZNER, 'io.enxame.price': '5.83 EUR/month' }));
    expect(price).toEqual({
      ...{ currency: 'EUR', nanosPerMonth: 5_830_000_000, nanosPerHour: 7_986_301, given: 'month', isSpot: false },
      source: { kind: 'label', name: 'label io.enxame.price' },
    });
  });

  it('has the book’s currency where the label says none', () => {
    const labelled = node({ 'io.enxame.price': '0.0119/h' });
    expect(book().nodePrice(labelled).price?.currency).toBe('');
    expect(book({ currency: 'USD' }).nodePrice(labelled).price?.currency).toBe('USD');
    expect(book().nodePrice(labelled).price?.nanosPerMonth).toBe(11_900_000 * HOURS_PER_MONTH);
  });

  it.each([
    ['', 'it is empty'],
    ['5', 'it does not say per what: end it with /h or /month'],
    ['5 EUR', 'it does not say per what: end it with /h or /month'],
    ['5,83 EUR/month', '"5,83" has a comma: write a point before the decimals'],
    ['-5 EUR/month', 'it is negative'],
    ['5 eur/month', '"eur" is no currency: write its three letters, like EUR'],
    ['5 €/month', '"€" is no currency: write its three letters, like EUR'],
    ['€5/month', '"€5": write the currency after the amount, like 5.83 EUR/month'],
    ['5 EUR/year', '"/year" is neither /h nor /month'],
    ['1e9/h', '"1e9" is no amount'],
    ['99999999/h', 'it is more than nine million a month'],
    ['20000/h', 'it is more than nine million a month'],
    ['5.83EUR/month', '"5.83EUR": put a space before the currency'],
    ['free/h', '"free" is no amount'],
    ['1.2.3/h', '"1.2.3" is no amount'],
    ['5 EUR / month / x', 'it should be like "0.0119/h", "0.0119 USD/h" or "5.83 EUR/month"'],
  ])('is unknown when the label is %j, whatever a list says', (text, problem) => {
    const labels = { ...HETZNER, 'io.enxame.price': text };
    expect(book().nodePrice(node(labels)).unknown).toBe(
      `its label io.enxame.price=${JSON.stringify(text)}: ${problem}`,
    );
  });

  it('is unknown, and soon so, when the label is huge', () => {
    const { unknown } = book().nodePrice(node({ 'io.enxame.price': `${'a/'.repeat(1_000_000)} b` }));
    expect(unknown).toBe(`its label io.enxame.price="${'a/'.repeat(20)}…": it is longer than 100 characters`);
  });

  it('holds in currencies of small units', () => {
    expect(book().nodePrice(node({ 'io.enxame.price': '2900000 VND/month' })).price?.currency).toBe('VND');
  });

  it('is that of the first entry that fits, whatever order the entries are found in', () => {
    const price = (amount: string) => priceOf('month', parseNanos(amount) ?? 0, 'EUR');
    const matches: readonly PriceMatch[] = [
      { node: 'b', spot: true },
      { provider: 'p', region: 'r1' },
      { labels: { rack: '1' }, provider: 'p' },
      { region: 'r2' },
      { node: 'b' },
      { spot: false },
    ];
    const prices = matches.map((match, index) => ({ match, price: price(String(index + 1)), place: `p.yml:${index}` }));
    const asked = book({ files: [{ prices, egress: [] }] });
    const place = (name: string, labels: Record<string, string>) =>
      asked.nodePrice({ name, labels: new Map(Object.entries(labels)) }).price?.source.name;
    expect(place('b', { provider: 'p', region: 'r1', rack: '1' })).toBe('p.yml:1');
    expect(place('b', { provider: 'p', region: 'r2', rack: '1' })).toBe('p.yml:2');
    expect(place('b', { region: 'r2' })).toBe('p.yml:3');
    expect(place('b', {})).toBe('p.yml:4');
    expect(place('c', { rack: '1' })).toBe('p.yml:5');
    expect(place('b', { spot: 'true' })).toBe('p.yml:0');
    expect(place('c', { ...HETZNER, region: 'r9', spot: 'true' })).toBeUndefined();
  });

  it('is that of the first entry of a file that fits', () => {
    const entry = (match: object, euros: number, line: number) =>
      ({ match, price: priceOf('month', euros * NANOS, ''), place: `prices.yml:${line}` }) as const;
    const prices = [
      entry({ node: 'db' }, 1, 3),
      entry({ provider: 'hetzner', spot: true }, 2, 4),
      entry({ labels: { rack: 'r1' } }, 3, 5),
      entry({ provider: 'hetzner', 'instance-type': 'cx23' }, 4, 6),
    ];
    const filed = book({ currency: 'EUR', files: [{ asOf: '2026-11-01', prices, egress: [] }] });
    const placeOf = (asked: PricedNode) => filed.nodePrice(asked).price?.source.name;
    expect(placeOf(node(HETZNER, 'db'))).toBe('prices.yml:3');
    expect(placeOf(node({ ...HETZNER, spot: 'true' }))).toBe('prices.yml:4');
    expect(placeOf(node({ rack: 'r1' }))).toBe('prices.yml:5');
    expect(placeOf(node(HETZNER))).toBe('prices.yml:6');
    expect(filed.nodePrice(node(HETZNER)).price?.currency).toBe('EUR');
    expect(filed.nodePrice(node(HETZNER)).price?.source.asOf).toBe('2026-11-01');
  });

  it('is that of the provider’s list, with its date', () => {
    expect(book().nodePrice(node(HETZNER)).price).toEqual({
      ...{ currency: 'EUR', nanosPerHour: 5_600_000, nanosPerMonth: 4_088_000_000, given: 'hour', isSpot: false },
      source: { kind: 'list', name: 'list of hetzner', asOf: AS_OF },
    });
  });

  it('of a spot machine is that of its zone', () => {
    const spot = (zone: string) => book().nodePrice(node({ ...HETZNER, spot: 'true', zone }));
    expect(spot('nbg1-b').price?.nanosPerHour).toBe(3_000_000);
    expect(spot('nbg1-c').unknown).toBe('the price list of hetzner has no spot price of "cx23" in nbg1 (nbg1-c)');
  });

  it.each([
    [{}, 'no label io.enxame.price, no entry of a price file, and no label provider, region, instance-type'],
    [{ ...HETZNER, provider: 'linode' }, 'no price list of linode'],
    [{ ...HETZNER, region: 'hel1' }, 'no price list of hetzner for region hel1'],
    [{ ...HETZNER, region: 'fsn1' }, 'the price list of hetzner has no "cx23" in fsn1'],
    [{ ...HETZNER, 'instance-type': 'cx99' }, 'the price list of hetzner has no "cx99" in nbg1'],
  ])('is unknown with labels %j', (labels, why) => {
    expect(book().nodePrice(node(labels))).toEqual({ unknown: why });
  });

  it('is that of the newest list that has it', () => {
    const newer = { ...LIST, asOf: '2026-11-21T00:00:00Z', regions: ['nbg1'], machines: [listed('cx23', '0.01')] };
    const both = book({ lists: [newer, LIST] });
    expect(both.nodePrice(node(HETZNER)).price?.nanosPerHour).toBe(10_000_000);
    expect(both.nodePrice(node({ ...HETZNER, spot: 'true', zone: 'nbg1-a' })).price?.source.asOf).toBe(AS_OF);
  });

  it('can be asked for a machine that is not there', () => {
    const type = { provider: 'hetzner', region: 'nbg1', instanceType: 'cx23', isSpot: false };
    expect(book().machinePrice(type).price?.nanosPerHour).toBe(5_600_000);
  });
});

describe('traffic', () => {
  const labels = (record: Readonly<Record<string, string>>) => new Map(Object.entries(record));
  const here = labels(HETZNER);

  it.each([
    ['out of the provider, by region', here, { provider: 'aws' }, 2_000_000],
    ['out of the provider', labels({ ...HETZNER, region: 'fsn1' }), { provider: 'aws' }, 1_000_000],
    ['to another region', here, { ...HETZNER, region: 'fsn1' }, 0],
    ['to a region with a price of its own', here, { ...HETZNER, region: 'ash' }, 3_000_000],
    ['to that region from another one', labels({ ...HETZNER, region: 'fsn1' }), { ...HETZNER, region: 'ash' }, 0],
  ])('%s', (_, from, to, nanos) => expect(book().egress(from, labels(to)).price?.nanosPerGb).toBe(nanos));

  it('is unknown where nobody published it', () => {
    expect(book().egress(here, here)).toEqual({ unknown: 'no price for traffic from hetzner nbg1 within the zone' });
    expect(book().egress(labels({}), here)).toEqual({ unknown: 'no label provider' });
  });

  it('costs what a file says first', () => {
    const entry = { provider: 'hetzner', to: 'internet', currency: '', nanosPerGb: 5, place: 'p.yml:2' } as const;
    const filed = book({ currency: 'EUR', files: [{ prices: [], egress: [entry] }] });
    const source = { kind: 'file', name: 'p.yml:2' };
    expect(filed.egress(here, labels({ provider: 'x' })).price).toEqual({ currency: 'EUR', nanosPerGb: 5, source });
  });
});

describe('currency rates', () => {
  const rates = new Rates(
    ['EUR/USD=1.08', 'EUR/GBP=0.84', 'EUR/USD=2'].map((text) => ({ ...parseRate(text), source: '--rate' })),
  );

  it.each([
    ['EUR', 'USD', 108, 1],
    ['USD', 'EUR', 93, 1],
    ['GBP', 'USD', 129, 2],
    ['EUR', 'EUR', 100, 0],
  ])('100 %s in %s', (currency, to, nanos, steps) => {
    const converted = rates.convert({ nanos: 100, currency }, to);
    expect([converted?.nanos, converted?.rates.length]).toEqual([nanos, steps]);
  });

  it('are said with their source and date', () => {
    const rate = { from: 'EUR', to: 'USD', factor: 1.08, source: 'p.yml:4' };
    expect(formatRate(rate)).toBe('1 EUR = 1.08 USD (p.yml:4)');
    expect(formatRate({ ...rate, asOf: '2026-11-01' })).toBe('1 EUR = 1.08 USD (p.yml:4, 2026-11-01)');
  });

  it('are never invented', () => {
    expect(rates.convert({ nanos: 1, currency: 'EUR' }, 'CHF')).toBeUndefined();
    expect(rates.convert({ nanos: 1, currency: '' }, 'EUR')).toBeUndefined();
  });

  it.each(['EUR/USD', 'EUR/EUR=1', 'EUR/USD=0', 'EUR/USD=-1', 'eur/usd=1', 'EUR/USD=1e9', 'EUR/USD=1,08'])(
    'are not %s',
    (text) => expect(() => parseRate(text)).toThrow(),
  );
});
