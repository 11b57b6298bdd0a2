import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { computeBill } from '../../prices/bill.ts';
import type { BilledShare, BillFacts } from '../../prices/bill-facts.ts';
import { parseNanos } from '../../prices/money.ts';
import { priceOf } from '../../prices/price.ts';
import { EMPTY_BOOK, PriceBook } from '../../prices/price-book.ts';
import type { ListedPrice } from '../../prices/price-list.ts';
import { parseRate } from '../../prices/rates.ts';
import { formatBill, type Grouping } from './bill.ts';

const GIB = 1024 ** 3;
const page = readFileSync('docs/cost.md', 'utf8');

const listed = (region: string, instanceType: string, hour: string, month: string, currency: string): ListedPrice => ({
  ...{ region, instanceType, isSpot: false },
  ...{ ...priceOf('hour', parseNanos(hour) ?? 0, currency), nanosPerMonth: parseNanos(month) ?? 0, given: 'both' },
});

const BOOK = new PriceBook({
  ...EMPTY_BOOK,
  currency: 'EUR',
  rates: [{ ...parseRate('EUR/USD=1.08'), source: '--rate' }],
  lists: [
    {
      ...{ provider: 'hetzner', asOf: '2026-11-24T09:12:00Z', egress: [] },
      machines: [listed('nbg1', 'cx33', '0.0088', '5.49', 'EUR')],
    },
    {
      ...{ provider: 'linode', asOf: '2026-11-24T09:12:00Z', egress: [] },
      machines: [listed('eu-central', 'g6-standard-4', '0.072', '48', 'USD')],
    },
  ],
});

function node(
  name: string,
  cpus: number,
  gib: number,
  labels: Readonly<Record<string, string>>,
): BillFacts['nodes'][0] {
  return { id: name, name, state: 'Healthy', labels, nanoCpus: cpus * 1e9, memoryBytes: gib * GIB };
}

function share(nodeId: string, project: string, containers: number, cpus: number, gib: number): BilledShare {
  const reserving = cpus > 0 ? containers : 0;
  return { nodeId, project, containers, reserving, nanoCpus: cpus * 1e9, memoryBytes: gib * GIB };
}

/** The example of the page: a shop and a wiki at two providers, and a machine that nobody has the price of. */
const FACTS: BillFacts = {
  nodes: [
    node('bee-1', 4, 8, { provider: 'hetzner', region: 'nbg1', 'instance-type': 'cx33' }),
    node('bee-2', 4, 8, { provider: 'hetzner', region: 'nbg1', 'instance-type': 'cx33' }),
    node('bee-3', 4, 8, { provider: 'linode', region: 'eu-central', 'instance-type': 'g6-standard-4' }),
    node('attic', 2, 4, {}),
  ],
  shares: [
    share('bee-1', 'shop', 4, 2, 4),
    share('bee-2', 'wiki', 2, 1, 1),
    share('bee-3', 'shop', 2, 1, 2),
    share('bee-3', '', 1, 0, 0),
  ],
};

it.each([undefined, 'node'] as const)(
  'docs/cost.md shows a bill by %s as it is printed',
  (by: Grouping | undefined) => {
    const bill = computeBill(FACTS, BOOK);
    expect(page).toContain(formatBill(bill, [], by, { columns: undefined, env: {} }));
  },
);
