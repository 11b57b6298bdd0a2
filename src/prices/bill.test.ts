import { describe, expect, it } from 'vitest';
import { type BillOptions, computeBill } from './bill.ts';
import type { BilledNode, BilledShare, BillFacts } from './bill-facts.ts';
import { NANOS } from './money.ts';
import { priceOf } from './price.ts';
import { EMPTY_BOOK, PriceBook, type PriceBookData } from './price-book.ts';
import { parseRate } from './rates.ts';
import { shownBill } from './shown-bill.ts';

const GIB = 1024 ** 3;
const NOW = Date.parse('2026-11-30T12:00:00Z');

function node(name: string, price: string | undefined, labels: Readonly<Record<string, string>> = {}): BilledNode {
  const own = price === undefined ? {} : { 'io.enxame.price': price };
  return {
    id: `id-${name}`,
    name,
    state: 'Healthy',
    labels: { ...labels, ...own },
    nanoCpus: 4e9,
    memoryBytes: 8 * GIB,
  };
}

function share(name: string, project: string, cpus: number, gib: number, containers = 1): BilledShare {
  const reserving = cpus > 0 || gib > 0 ? containers : 0;
  return { nodeId: `id-${name}`, project, containers, reserving, nanoCpus: cpus * 1e9, memoryBytes: gib * GIB };
}

function bill(facts: BillFacts, data: Partial<PriceBookData> = {}, options: BillOptions = {}) {
  return computeBill(facts, new PriceBook({ ...EMPTY_BOOK, ...data }), options);
}

const rates = (...texts: readonly string[]) => texts.map((text) => ({ ...parseRate(text), source: '--rate' }));
const perMonth = (amounts: readonly { currency: string; nanosPerMonth: number }[]) =>
  amounts.map(({ currency, nanosPerMonth }) => `${nanosPerMonth / NANOS} ${currency}`);

describe('a bill', () => {
  const facts: BillFacts = {
    nodes: [
      node('a', '40 EUR/month', { provider: 'x', region: 'r1' }),
      node('b', '20 EUR/month', { provider: 'x', region: 'r2' }),
      node('c', '0.1 EUR/h', { provider: 'y' }),
      node('d', undefined),
    ],
    shares: [
      share('a', 'shop', 2, 2),
      share('a', '', 0, 0, 3),
      share('b', 'shop', 8, 8),
      share('b', 'wiki', 4, 4),
      share('d', 'wiki', 1, 1),
    ],
  };

  it('adds up what is known, by provider and region, and counts what is not', () => {
    const { total, providers, regions, nodes } = bill(facts);
    expect(perMonth(total.amounts)).toEqual(['133 EUR']);
    expect([total.nodes, total.unpriced, total.containers, total.unreserved]).toEqual([4, 1, 7, 3]);
    expect(providers.map(({ name, amounts }) => [name, perMonth(amounts)])).toEqual([
      ['y', ['73 EUR']],
      ['x', ['60 EUR']],
      ['', []],
    ]);
    expect(regions.map(({ name }) => name)).toEqual(['y', 'x r1', 'x r2', '']);
    expect(nodes[3]).toMatchObject({ unknown: expect.stringContaining('no label io.enxame.price'), containers: 1 });
  });

  it('gives projects their reserved part of each node, and says what nobody reserves', () => {
    const { projects, nodes } = bill(facts);
    expect(projects.map(({ name, amounts, unpriced }) => [name, perMonth(amounts), unpriced])).toEqual([
      // 3/8 of a (half its CPUs, a quarter of its memory), and two thirds of b, of which more is reserved than there is.
      ['shop', ['28.333333333 EUR'], 0],
      ['wiki', ['6.666666666 EUR'], 1],
      ['', ['0 EUR'], 0],
    ]);
    expect(nodes.map(({ reserved }) => reserved)).toEqual([0.375, 1, 0, 0.1875]);
    const idle = nodes.map(({ amount }) => amount && amount.idleNanosPerMonth / NANOS);
    expect(idle).toEqual([25, 0.000000001, 73, undefined]);
  });

  it('loses nothing: what projects have and what is idle is what the nodes cost', () => {
    const { total, projects } = bill(facts);
    const parts = projects.flatMap(({ amounts }) => amounts).reduce((sum, { nanosPerMonth }) => sum + nanosPerMonth, 0);
    expect(parts + (total.amounts[0]?.idleNanosPerMonth ?? 0)).toBe(133 * NANOS);
  });

  it('of no nodes is nothing', () => {
    expect(bill({ nodes: [], shares: [] }).total).toMatchObject({ nodes: 0, amounts: [] });
  });

  it('of a node that was never reached takes all of it for idle', () => {
    const far = { ...node('a', '5 EUR/month'), nanoCpus: 0, memoryBytes: 0 };
    const [line] = bill({ nodes: [far], shares: [share('a', 'p', 1, 1)] }).nodes;
    expect(line?.amount).toMatchObject({ nanosPerMonth: 5 * NANOS, idleNanosPerMonth: 5 * NANOS });
    const unseen = { ...far, labels: {} };
    expect(bill({ nodes: [unseen], shares: [] }).nodes[0]?.unknown).toBe(
      'it has not answered yet: its labels are not known',
    );
  });
});

describe('currencies', () => {
  const mixed: BillFacts = {
    nodes: [node('a', '10 EUR/month'), node('b', '10.8 USD/month'), node('c', '1/month')],
    shares: [],
  };
  const named: BillFacts = { ...mixed, nodes: mixed.nodes.slice(0, 2) };

  it('without a rate stand side by side', () => {
    const { currency, total } = bill(mixed);
    expect(currency).toBeUndefined();
    expect(perMonth(total.amounts)).toEqual(['1 ', '10 EUR', '10.8 USD']);
  });

  it('are converted to the one that was asked for, with the rate said', () => {
    const { currency, total, rates: used } = bill(named, { rates: rates('EUR/USD=1.08') }, { currency: 'EUR' });
    expect([currency, perMonth(total.amounts)]).toEqual(['EUR', ['20 EUR']]);
    expect(used.map(({ factor }) => factor)).toEqual([1.08]);
  });

  it('are converted to the file’s own where rates lead to it, and left alone where not', () => {
    expect(perMonth(bill(mixed, { currency: 'EUR', rates: rates('EUR/USD=1.08') }).total.amounts)).toEqual(['21 EUR']);
    expect(perMonth(bill(mixed, { currency: 'EUR' }).total.amounts)).toEqual(['11 EUR', '10.8 USD']);
  });

  it('that cannot be converted are refused when one was asked for', () => {
    expect(() => bill(named, {}, { currency: 'EUR' })).toThrow(
      'no rate leads from USD (b) to EUR: give one, like --rate USD/EUR=…, or leave out --currency',
    );
    expect(() => bill(mixed, { rates: rates('EUR/USD=1.08') }, { currency: 'EUR' })).toThrow(
      /^the price of c names no currency/,
    );
  });
});

describe('a bill for programs', () => {
  const list = (asOf: string, isSpot = false) => ({
    ...{ provider: 'x', asOf, egress: [] },
    machines: [{ region: 'r', instanceType: 't', isSpot, ...priceOf('hour', 12_345_678, 'EUR') }],
  });
  const spot = { provider: 'x', region: 'r', 'instance-type': 't', spot: 'true' };

  it('has every digit', () => {
    const shown = shownBill(bill({ nodes: [node('a', '0.0119 EUR/h')], shares: [] }), NOW);
    expect(shown).toMatchObject({ at: '2026-11-30T12:00:00.000Z', hoursPerMonth: 730, warnings: [], rates: [] });
    expect(shown.nodes[0]?.amount).toEqual({
      currency: 'EUR',
      perHour: '0.0119',
      perMonth: '8.687',
      idlePerMonth: '8.687',
    });
    expect(shown.nodes[0]?.source).toBe('label io.enxame.price');
  });

  it.each([
    [list('2026-11-01T12:00:00Z'), { ...spot, spot: 'false' }, []],
    [
      list('2026-10-01T12:00:00Z'),
      { ...spot, spot: 'false' },
      ["the prices in the list of x are 60 days old: run 'enxame prices update'"],
    ],
    [list('2026-11-30T11:00:00Z', true), spot, []],
    [
      list('2026-11-29T10:00:00Z', true),
      spot,
      ["the spot prices in the list of x are 26h old: run 'enxame prices update'"],
    ],
  ])('says which prices are old (%#)', (prices, labels, warnings) => {
    const shown = shownBill(bill({ nodes: [node('a', undefined, labels)], shares: [] }, { lists: [prices] }), NOW);
    expect(shown.warnings).toEqual(warnings);
  });

  it.each([
    ['2026-01-01', 'the prices in p.yml are 333 days old: check them, and change the date of the file'],
    ['2036-11-01', 'the prices in p.yml are of 2036-11-01, which has not come yet: check the date'],
  ])('says that a file is old, or of a day to come (%s)', (asOf, warning) => {
    const files = [
      {
        asOf,
        prices: [{ match: { node: 'a' }, price: priceOf('hour', 1, 'EUR'), place: 'p.yml:3' }],
        egress: [],
      },
    ];
    const shown = shownBill(bill({ nodes: [node('a', undefined)], shares: [] }, { files }), NOW);
    expect(shown.warnings).toEqual([warning]);
  });
});
