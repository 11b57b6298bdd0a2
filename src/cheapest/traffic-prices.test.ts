import { expect, test } from 'vitest';
import { EMPTY_BOOK, PriceBook } from '../prices/price-book.ts';
import type { EgressScope } from '../prices/price-list.ts';
import { trafficPrices } from './traffic-prices.ts';

const NODES = [
  { provider: 'a', region: 'north', zone: '1' },
  { provider: 'a', region: 'north', zone: '2' },
  { provider: 'a', region: 'south', zone: '1' },
  { provider: 'b', region: 'north' },
  {},
  { provider: 'a', region: 'north', zone: '1' },
].map((labels, row) => ({ name: `n${row}`, labels: new Map(Object.entries(labels)) }));

function pricesOf(egress: readonly (readonly [to: EgressScope, perGb: number, currency: string])[], from: number[]) {
  const entries = egress.map(([to, perGb, currency]) => ({
    ...{ provider: 'a', to, currency, nanosPerGb: perGb * 1e9, place: 'p.yml:1' },
  }));
  const book = new PriceBook({ ...EMPTY_BOOK, files: [{ prices: [], egress: entries }] });
  return trafficPrices(book, NODES, { currency: 'EUR', from: new Set(from) });
}

test('traffic is counted by how far it goes, from where something may be copied', () => {
  const asked = pricesOf(
    [
      ['region', 0.01, 'EUR'],
      ['provider', 0.02, 'EUR'],
      ['internet', 0.09, 'EUR'],
    ],
    [0],
  );
  expect(asked.places).toEqual([0, 1, 2, 3, 4, 0]);
  expect(asked.egressMicrosPerGb).toEqual([[0, 10_000, 20_000, 90_000, 90_000], [], [], [], []]);
});

test('what nobody says, or is in a currency without a rate, counts as free', () => {
  expect(pricesOf([['internet', 0.09, 'USD']], [0, 3, 4]).egressMicrosPerGb).toEqual([
    [0, 0, 0, 0, 0],
    [],
    [],
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0],
  ]);
});
