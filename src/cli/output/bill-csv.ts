import { type Amount, type Bill, type GroupBill, typeOf } from '../../prices/bill.ts';
import { exactAmount } from '../../prices/money.ts';
import { PROVIDER_LABEL, REGION_LABEL } from '../../prices/price.ts';
import type { Grouping } from './bill.ts';
import { toCsv } from './csv.ts';

/** A bill as comma-separated values: a line for each node or group, and for each currency of it; amounts with every digit. */
export function billCsv(bill: Bill, by: Grouping): string {
  if (by === 'node') return nodesCsv(bill);
  const groups = { provider: bill.providers, region: bill.regions, project: bill.projects }[by];
  const titles = [by, 'nodes', 'nodes_without_price', 'containers', 'containers_without_reservation', ...AMOUNT_TITLES];
  return toCsv(titles, groups.flatMap(groupRows));
}

const AMOUNT_TITLES = ['currency', 'per_hour', 'per_month', 'idle_per_month'];

function groupRows(group: GroupBill): readonly (readonly string[])[] {
  const { name, nodes, unpriced, containers, unreserved, amounts } = group;
  const start = [name, ...[nodes, unpriced, containers, unreserved].map(String)];
  if (amounts.length === 0) return [[...start, ...NO_AMOUNT]];
  return amounts.map((amount) => [...start, ...amountCells(amount)]);
}

function nodesCsv({ nodes }: Bill): string {
  const titles = ['node', 'id', 'state', 'provider', 'region', 'instance_type', 'spot', 'containers', 'reserved'];
  return toCsv(
    [...titles, ...AMOUNT_TITLES, 'price_from', 'price_as_of', 'unknown'],
    nodes.map(({ node, price, amount, unknown, containers, reserved }) => [
      ...[node.name, node.id, node.state, node.labels[PROVIDER_LABEL] ?? '', node.labels[REGION_LABEL] ?? ''],
      ...[typeOf(node), price === undefined ? '' : String(price.isSpot), String(containers), reserved.toFixed(4)],
      ...(amount === undefined ? NO_AMOUNT : amountCells(amount)),
      ...[price?.source.name ?? '', price?.source.asOf ?? '', unknown ?? ''],
    ]),
  );
}

/** Empty, never zero. */
const NO_AMOUNT = ['', '', '', ''];

function amountCells({ currency, nanosPerHour, nanosPerMonth, idleNanosPerMonth }: Amount): readonly string[] {
  return [currency, ...[nanosPerHour, nanosPerMonth, idleNanosPerMonth].map(exactAmount)];
}
