import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { EMPTY_BOOK, PriceBook } from './price-book.ts';
import { parsePriceFile, readPriceFile } from './price-file.ts';

const FILE = `# What we pay.
currency: EUR
date: 2026-11-01
prices:
  - { node: db-1, price: 39/month }
  - provider: hetzner
    region: nbg1
    instance-type: cx23
    price: 0.0056 USD/h
  - { labels: { rack: 7 }, spot: true, price: 1/h }
egress:
  - { provider: hetzner, to: internet, price: 1.00/TB }
  - { provider: amazonec2, region: eu-west-1, to: internet, price: 0.09 USD/GB }
rates:
  EUR/USD: 1.08
`;

describe('a price file', () => {
  const parsed = parsePriceFile(FILE, 'prices.yml');

  it('has prices with their place, in the file’s currency where they say none', () => {
    expect(parsed.prices.map(({ match, price, place }) => [match, price.currency, price.nanosPerMonth, place])).toEqual(
      [
        [{ node: 'db-1' }, 'EUR', 39_000_000_000, 'prices.yml:5'],
        [{ provider: 'hetzner', region: 'nbg1', 'instance-type': 'cx23' }, 'USD', 4_088_000_000, 'prices.yml:6'],
        [{ labels: { rack: '7' }, spot: true }, 'EUR', 730_000_000_000, 'prices.yml:10'],
      ],
    );
  });

  it('has traffic and rates with its date', () => {
    expect(parsed.egress.map(({ nanosPerGb, currency }) => [nanosPerGb, currency])).toEqual([
      [1_000_000, 'EUR'],
      [90_000_000, 'USD'],
    ]);
    expect(parsed.rates).toEqual([
      { from: 'EUR', to: 'USD', factor: 1.08, source: 'prices.yml:15', asOf: '2026-11-01' },
    ]);
  });

  it('goes into a book', () => {
    const book = new PriceBook({ ...EMPTY_BOOK, files: [parsed] });
    const source = { kind: 'file', name: 'prices.yml:5', asOf: '2026-11-01' };
    expect(book.nodePrice({ name: 'db-1', labels: new Map() }).price?.source).toEqual(source);
  });

  it.each([
    ['', 'p.yml: it is empty: it needs "prices"'],
    ['prices: [', /^p\.yml:1:10: /],
    ['price: []', 'p.yml:1:1: price: there is no such key here. Did you mean "prices"?'],
    ['prices: 5', 'p.yml:1:1: prices: expected array, received number'],
    ['prices:\n  - { node: a }', 'p.yml:2:5: prices.0: "price" is missing'],
    ['prices:\n  - { node: a, price: 5 }', 'p.yml:2:16: prices.0.price: should be a text like "5.83 EUR/month"'],
    ['prices:\n  - { node: a, price: 5/year }', 'p.yml:2:16: prices.0.price: "/year" is neither /h nor /month'],
    ['prices:\n  - { price: 5/h }', /^p\.yml:2:5: prices\.0: it does not say of what/],
    ['prices:\n  - { labels: {}, price: 5/h }', 'p.yml:2:7: prices.0.labels: names no label'],
    ['prices:\n  - { labels: { __proto__: x }, price: 5/h }', 'p.yml:2:7: prices.0.labels: names no label'],
    [
      'prices:\n  - { type: cx23, price: 5/h }',
      /^p\.yml:2:7: prices\.0\.type: there is no such key here\. There are node,/,
    ],
    ['currency: euro', 'p.yml:1:1: currency: should be three letters, like EUR'],
    ['date: yesterday', 'p.yml:1:1: date: should be like 2026-11-01'],
    ['rates: { EUR/EUR: 1 }', 'p.yml:1:10: rates.EUR/EUR: it has the same currency twice'],
    ['rates: { EUR/USD: x }', 'p.yml:1:10: rates.EUR/USD: should be a number'],
    ['egress:\n  - { provider: a, to: moon, price: 1/GB }', /^p\.yml:2:20: egress\.0\.to: /],
    [
      'egress:\n  - { provider: a, to: zone, price: 1/h }',
      /^p\.yml:2:30: egress\.0\.price: should be like "0\.09 USD\/GB"/,
    ],
    [
      `a: &a [x]\nb: &b [${'*a,'.repeat(50)}]\nc: &c [${'*b,'.repeat(50)}]\nd: [${'*c,'.repeat(50)}]`,
      /^p\.yml: Excessive alias/,
    ],
  ])('is refused: %j', (text, message) => expect(() => parsePriceFile(text, 'p.yml')).toThrow(message));

  it('that is not there, or too large, is refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'enxame-prices-'));
    await expect(readPriceFile(join(folder, 'no.yml'))).rejects.toThrow(/cannot be read: there is no such file/);
    await expect(readPriceFile(folder)).rejects.toThrow(/it is a folder/);
    await expect(readPriceFile('/dev/zero')).rejects.toThrow(/larger than 1 MiB/);
    await writeFile(join(folder, 'big.yml'), '#'.repeat(5 * 1024 * 1024));
    await expect(readPriceFile(join(folder, 'big.yml'))).rejects.toThrow(/larger than 1 MiB/);
  });
});
