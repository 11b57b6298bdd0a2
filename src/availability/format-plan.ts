import { byteText } from '../common/byte-text.ts';
import { formatDuration } from '../common/duration.ts';
import {
  type MoveEstimate,
  nodesOf,
  type Plan,
  type PlannedCopy,
  type PlannedMove,
  type PlannedStay,
  type PlanReason,
} from './plan.ts';

/** A plan for people: a headline, then a line for each container. */
export function formatPlan(plan: Plan): string {
  const { moves, stays } = plan;
  const isLoss = plan.reason.kind === 'failover' || plan.reason.kind === 'drill';
  const waiting = stays.filter(({ waits }) => isLoss && waits);
  const waits = waiting.length === 0 ? '' : `, ${waiting.length} to wait`;
  const counts = `${moves.length} to move${waits}, ${stays.length - waiting.length} to stay`;
  const names = new Map(moves.map(({ container }) => [container.key, container.name]));
  const lines = [
    `${headline(plan.reason)}: ${counts}`,
    costLine(plan),
    ...moves.map((move) => moveLine(move, (key) => names.get(key) ?? key)),
    ...stays.map((stay) => stayLine(stay, waiting.includes(stay))),
  ];
  return lines.filter((line) => line !== '').join('\n');
}

function headline(reason: PlanReason): string {
  const nodes = nodesOf(reason)
    .map(({ name }) => name)
    .join(', ');
  const headlines: Readonly<Record<PlanReason['kind'], string>> = {
    failover: `Lost ${nodes === '' ? 'data' : nodes}`,
    drain: `Drain of ${nodes}`,
    drill: `If ${nodes} were lost`,
    move: 'Move',
    balance: 'Rebalance',
    cheaper: 'Cheapest placement',
  };
  return headlines[reason.kind];
}

function moveLine(
  { container, from, to, how, why, loses, copies = [], estimate, together = [] }: PlannedMove,
  nameOf: (key: string) => string,
): string {
  const others = together.filter((key) => key !== container.key);
  const parts = [
    ...(how === 'replace' ? [] : [how]),
    why,
    ...(others.length > 0 ? [`together with ${others.map(nameOf).join(', ')}`] : []),
    ...copies.map(copyWords),
    ...(estimate ? estimateWords(estimate) : []),
    ...(loses.length > 0 ? [`loses ${loses.join(', ')}`] : []),
  ];
  return `  move  ${container.name}: ${from.name} -> ${to.name} (${parts.join('; ')})`;
}

function copyWords({ volume, isAnonymous, bytes }: PlannedCopy): string {
  const name = isAnonymous ? `anonymous volume ${volume.slice(0, 12)}` : `volume ${volume}`;
  const size = bytes === undefined ? 'size not known' : byteText(bytes);
  return `copies ${name}, ${size}`;
}

function estimateWords({ durationMs, downtimeMs }: MoveEstimate): readonly string[] {
  if (durationMs === undefined) return [];
  const down = downtimeMs ? `, down for ${seconds(downtimeMs)} of it` : '';
  return [`takes about ${seconds(durationMs)}${down}`];
}

/** Rounded up: an estimate below a second says nothing. */
function seconds(ms: number): string {
  return formatDuration(Math.ceil(ms / 1_000) * 1_000);
}

/** The cost before and after, a line; empty for a plan that is not about it. */
function costLine({ cost }: Plan): string {
  if (!cost) return '';
  const { currency, monthlyBefore, monthlyAfter, once } = cost;
  const first = once === undefined ? '' : `, ${once.toFixed(2)} ${currency} once`;
  return `  cost  ${monthlyBefore.toFixed(2)} -> ${monthlyAfter.toFixed(2)} ${currency} a month${first}`;
}

/** What a loss leaves behind waits for its node, or stays because it is meant to; where its node is well, it goes on there. */
function stayLine({ container, node, why }: PlannedStay, waits: boolean): string {
  return `  ${waits ? 'wait' : 'stay'}  ${container.name}: ${node.name} (${why})`;
}
