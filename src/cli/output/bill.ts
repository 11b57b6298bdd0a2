import { printable } from '../../common/printable.ts';
import { type Amount, type Bill, type GroupBill, type NodeBill, typeOf } from '../../prices/bill.ts';
import { CENTS, formatMoney } from '../../prices/money.ts';
import { PROVIDER_LABEL, REGION_LABEL } from '../../prices/price.ts';
import { formatRate } from '../../prices/rates.ts';
import { formatRows, type View } from './format.ts';
import type { Column, Screen } from './table.ts';

/** How a bill can be told apart. */
export type Grouping = 'provider' | 'region' | 'node' | 'project';

/** A bill for people: one table `by` something, or a summary with two of them. */
export function formatBill(bill: Bill, warnings: readonly string[], by: Grouping | undefined, screen: Screen): string {
  const tables = by === undefined ? shortTables(bill) : [by];
  return [
    headline(bill),
    ...tables.flatMap((each) => ['\n', tableOf(each, bill, screen)]),
    ...notes(bill, warnings, by).map((line, index) => `${index === 0 ? '\n' : ''}${printable(line)}\n`),
  ].join('');
}

/** What a summary shows: projects only where there are some. */
function shortTables({ projects }: Bill): readonly Grouping[] {
  return projects.some(({ name }) => name !== '') ? ['region', 'project'] : ['region'];
}

function headline({ total }: Bill): string {
  const { nodes, unpriced, amounts } = total;
  if (nodes === 0) return 'No nodes: nothing costs\n';
  if (amounts.length === 0) return `No price is known for any of ${counted(nodes, 'node')}\n`;
  const month = monthWords(amounts);
  const hour = amounts.map((each) => formatMoney(hourly(each))).join(' + ');
  const priced = unpriced === 0 ? '' : `${nodes - unpriced} of `;
  return `${month} a month (${hour} an hour) for ${priced}${counted(nodes, 'node')}, ${idleWords(amounts)} idle\n`;
}

function tableOf(by: Grouping, bill: Bill, screen: Screen): string {
  if (by === 'node') return formatRows(NODES, bill.nodes, 'table', screen);
  if (by === 'project') return formatRows(PROJECTS, [...bill.projects, idleRow(bill)], 'table', screen);
  return formatRows(groupView(by), by === 'provider' ? bill.providers : bill.regions, 'table', screen);
}

function groupView(by: 'provider' | 'region'): View<GroupBill> {
  return {
    columns: [
      {
        title: by === 'provider' ? 'PROVIDER' : 'PROVIDER REGION',
        value: ({ name }) => name || '(no label provider)',
        keep: 'whole',
      },
      { title: 'NODES', value: ({ nodes }) => String(nodes), keep: 'whole', align: 'right' },
      { title: 'CONTAINERS', value: ({ containers }) => String(containers), align: 'right', drop: 1 },
      MONTH,
      { title: 'IDLE', value: ({ amounts }) => idleWords(amounts), keep: 'whole', align: 'right' },
      { title: 'NOTE', value: ({ unpriced }) => unpricedNote(unpriced) },
    ],
  };
}

const MONTH: Column<GroupBill> = {
  title: 'A MONTH',
  value: ({ amounts }) => monthWords(amounts) || 'unknown',
  keep: 'whole',
  align: 'right',
};

const PROJECTS: View<GroupBill> = {
  columns: [
    { title: 'PROJECT', value: ({ name }) => name || '(no project)', keep: 'whole' },
    { title: 'NODES', value: ({ nodes }) => String(nodes), align: 'right', drop: 1 },
    { title: 'CONTAINERS', value: ({ containers }) => String(containers), keep: 'whole', align: 'right' },
    MONTH,
    {
      title: 'NOTE',
      value: ({ unreserved, unpriced }) =>
        [unreserved > 0 ? `${unreserved} reserve${unreserved === 1 ? 's' : ''} nothing` : '', unpricedNote(unpriced)]
          .filter((each) => each)
          .join(', '),
    },
  ],
};

/** What no project has, so that the table adds up. */
function idleRow({ total }: Bill): GroupBill {
  const amounts = total.amounts.map((each) => ({ ...each, nanosPerMonth: each.idleNanosPerMonth }));
  return { ...total, name: '(idle)', unpriced: 0, containers: 0, unreserved: 0, amounts };
}

const NODES: View<NodeBill> = {
  columns: [
    { title: 'NODE', value: ({ node }) => node.name, keep: 'whole' },
    { title: 'PROVIDER', value: ({ node }) => node.labels[PROVIDER_LABEL] ?? '', drop: 3 },
    { title: 'REGION', value: ({ node }) => node.labels[REGION_LABEL] ?? '', drop: 4 },
    {
      title: 'TYPE',
      value: ({ node, price }) => [typeOf(node), price?.isSpot ? '(spot)' : ''].filter((each) => each).join(' '),
      drop: 5,
    },
    {
      title: 'A MONTH',
      value: ({ amount }) => (amount === undefined ? 'unknown' : monthWords([amount])),
      keep: 'whole',
      align: 'right',
    },
    { title: 'RESERVED', value: ({ reserved }) => percent(reserved), keep: 'whole', align: 'right' },
    { title: 'PRICE FROM', value: sourceWords, drop: 1 },
  ],
};

function sourceWords({ price, unknown }: NodeBill): string {
  if (price === undefined) return unknown ?? '';
  const { name, asOf } = price.source;
  return asOf === undefined ? name : `${name}, ${asOf.slice(0, 10)}`;
}

/** What the tables do not tell. */
function notes(
  { nodes, total, rates }: Bill,
  warnings: readonly string[],
  by: Grouping | undefined,
): readonly string[] {
  const isTold = by === 'node';
  const unknown = nodes.flatMap(({ node, unknown: why }) => (why === undefined ? [] : [`${node.name}: ${why}`]));
  const more = unknown.length - MOST_NAMED;
  return [
    ...(unknown.length === 0
      ? []
      : [
          `${unknown.length} of ${counted(nodes.length, 'node')} without a known price, not in the sums${isTold ? '' : ':'}`,
        ]),
    ...(isTold ? [] : unknown.slice(0, MOST_NAMED).map((line) => `  ${line}`)),
    ...(more > 0 && !isTold ? [`  and ${more} more: --by node shows all`] : []),
    ...(total.amounts.length > 1
      ? ['Several currencies stand side by side: give --currency, and a --rate for each other one']
      : []),
    ...rates.map((rate) => `Converted: ${formatRate(rate)}`),
    ...(total.unreserved > 0
      ? [
          `${counted(total.unreserved, 'container')} without reservations: what ${total.unreserved === 1 ? 'it uses' : 'they use'} counts as idle`,
        ]
      : []),
    ...warnings.map((warning) => `Warning: ${warning}`),
    'Not counted: traffic, storage that is billed apart, taxes',
  ];
}

/** Nodes without a price that a summary names with the reason. */
const MOST_NAMED = 10;

function monthWords(amounts: readonly Amount[]): string {
  return amounts.map(({ nanosPerMonth: nanos, currency }) => formatMoney({ nanos, currency }, CENTS)).join(' + ');
}

function hourly({ currency, nanosPerHour }: Amount): { readonly nanos: number; readonly currency: string } {
  return { nanos: nanosPerHour, currency };
}

function idleWords(amounts: readonly Amount[]): string {
  const parts = amounts.map(({ nanosPerMonth, idleNanosPerMonth }) =>
    nanosPerMonth === 0 ? 0 : idleNanosPerMonth / nanosPerMonth,
  );
  return parts.map(percent).join(' + ') || '';
}

function percent(part: number): string {
  return `${Math.round(part * 100)}%`;
}

function unpricedNote(unpriced: number): string {
  return unpriced === 0 ? '' : `${counted(unpriced, 'node')} without a price`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
