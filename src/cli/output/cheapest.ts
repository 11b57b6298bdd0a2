import type { PlannedMove } from '../../availability/plan.ts';
import type { CheapestNode, CheapestPlan } from '../../cheapest/cheapest-plan.ts';
import { formatDuration } from '../../common/duration.ts';
import { PRICE_LABEL } from '../../prices/price.ts';
import type { Io } from '../io.ts';
import { formatRows, type View } from './format.ts';

const NODES: View<CheapestNode> = {
  columns: [
    {
      title: 'NODE',
      value: ({ name }) => name,
      keep: 'whole',
    },
    {
      title: '',
      value: ({ fate }) => fate.replace('-', ' '),
      color: ({ fate }) => (fate === 'goes' ? 'red' : 'green'),
    },
    { title: 'A MONTH', value: ({ monthly }) => (monthly === null ? 'unknown' : monthly.toFixed(2)) },
    {
      title: 'CONTAINERS',
      value: ({ containersBefore, containersAfter }) =>
        containersBefore === containersAfter ? String(containersBefore) : `${containersBefore} -> ${containersAfter}`,
    },
    { title: 'PRICE', value: ({ price }) => price },
    { title: 'WHY', value: ({ why }) => why },
  ],
};

const MOVES: View<PlannedMove> = {
  columns: [
    { title: 'MOVE', value: ({ container }) => container.name, keep: 'whole' },
    { title: 'FROM', value: ({ from }) => from.name },
    { title: 'TO', value: ({ to }) => to.name },
    { title: 'HOW', value: ({ how }) => how },
    { title: 'DOWN', value: downOf },
    { title: 'LOSES', value: ({ loses }) => loses.join(', ') },
    { title: 'WHY', value: ({ why }) => why },
  ],
};

function downOf({ how, estimate }: PlannedMove): string {
  if (how === 'start-first') return '0';
  return estimate?.downtimeMs === undefined ? 'not known' : `some ${formatDuration(roundedMs(estimate.downtimeMs))}`;
}

/** To whole seconds, up. */
function roundedMs(ms: number): number {
  return Math.ceil(ms / 1_000) * 1_000;
}

/** A plan for people. */
export function formatCheapest(plan: CheapestPlan, io: Pick<Io, 'out'> & Parameters<typeof formatRows>[3]): string {
  const { nodes, moves, notes } = plan;
  const order = { made: 0, goes: 1, stays: 2, 'left-out': 3 };
  const sorted = nodes.toSorted((a, b) => order[a.fate] - order[b.fate]);
  const parts = [
    headline(plan),
    formatRows(NODES, sorted, 'table', io),
    ...(moves.length > 0 ? [formatRows(MOVES, moves, 'table', io)] : []),
    staysText(plan),
    ...notes.map((note) => `Note: ${note}\n`),
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function headline({ cost, monthlySaving, idle, bound, downtimeMs, nodes }: CheapestPlan): string {
  const { monthlyBefore, monthlyAfter, once } = cost;
  const unit = cost.currency === '' ? '' : ` ${cost.currency}`;
  const unknown = nodes.filter(({ monthly }) => monthly === null).length;
  if (unknown > 0 && unknown === nodes.length)
    return `Nothing is to be done: ${idle}. Say what nodes cost: label ${PRICE_LABEL}, --prices FILE, or 'enxame prices update'\n`;
  const without = unknown > 0 ? `, without ${unknown} ${unknown === 1 ? 'node' : 'nodes'} of unknown price` : '';
  const now = `The cluster costs ${monthlyBefore.toFixed(2)}${unit} a month${without}`;
  if (idle !== undefined) return `${now}. Nothing is to be done: ${idle}\n`;
  const change = monthlySaving >= 0 ? `${monthlySaving.toFixed(2)} less` : `${(-monthlySaving).toFixed(2)} more`;
  const how =
    bound.kind === 'proven'
      ? 'nothing cheaper exists under these rules'
      : `no plan is cheaper than ${bound.monthlyLeast.toFixed(2)}, so this one is at most ${Math.ceil(bound.gap * 100)} % too dear`;
  const moving = once > 0 ? `; moving costs ${once.toFixed(2)} once` : '';
  const down =
    downtimeMs > 0
      ? `; what is stopped first does not run for some ${formatDuration(roundedMs(downtimeMs))} in all`
      : '';
  return `${now}. It would cost ${monthlyAfter.toFixed(2)}${unit}: ${change}${moving}${down}\n(${how})\n`;
}

/** Names that are shown of those that stay for one reason. */
const SHOWN = 4;

function staysText({ stays }: CheapestPlan): string {
  const byReason = new Map<string, string[]>();
  for (const { why, container } of stays) byReason.set(why, [...(byReason.get(why) ?? []), container.name]);
  const lines = [...byReason].map(([why, names]) => {
    const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
    return `  ${names.slice(0, SHOWN).join(', ')}${more}: ${why}`;
  });
  return lines.length === 0 ? '' : `Stay where they are:\n${lines.join('\n')}\n`;
}
