import type { PartResult } from './result.ts';
import { figure, type Table } from './table.ts';

/** Growth is told from this size on: below it the fixed costs of a process hide it. */
const FROM_NODES = 100;
/** What CPU time of an operation whose answer does not grow may rise by, from 100 nodes to the largest size. */
const MOST_GROWTH = 1.5;
/** Operations that answer more the more there is. */
const GROWING: ReadonlySet<string> = new Set(['info', 'ps -a', 'ps by label']);

/**
 * CPU time per operation over the sizes of a sweep, and by how much it grows: as measured; without the operation's share of what so
 * many nodes cost all the time, whether anybody asks or not; and divided by the floor of the same run, because a machine is not
 * equally fast in the minutes between two sizes and a fleet of thousands takes the caches of everybody. Undefined without two
 * sizes to compare.
 */
export function growthTable(results: readonly PartResult[]): Table | undefined {
  const sweep = results.filter(({ part, tls }) => part === 'sweep' && !tls).sort((a, b) => a.nodes - b.nodes);
  const from = sweep.find(({ nodes }) => nodes >= FROM_NODES);
  const to = sweep.at(-1);
  if (from === undefined || to === undefined || from === to) return undefined;
  const span = `${from.nodes} → ${to.nodes}`;
  const sizes = sweep.map(({ nodes }) => `${nodes} nodes`);
  const rows = to.rows.map(({ operation }) => [
    operation,
    ...sweep.map((result) => figure(cpuOf(result, operation))),
    ratio(cpuOf(from, operation), cpuOf(to, operation)),
    ratio(aloneOf(from, operation), aloneOf(to, operation)),
    ratio(inFloors(from, operation), inFloors(to, operation)),
    GROWING.has(operation) ? 'its answer grows' : `≤ ${MOST_GROWTH}×`,
  ]);
  return [['operation', ...sizes, span, `${span} without idling`, `${span} in floors`, 'target'], ...rows];
}

function cpuOf({ rows }: PartResult, operation: string): number | null {
  return rows.find((row) => row.operation === operation)?.manager?.cpuMsPerOp ?? null;
}

/** How many times the floor it takes: a bare server that answers the same, or for writes a bare pipe to the engine. */
function inFloors({ rows }: PartResult, operation: string): number | null {
  const row = rows.find((each) => each.operation === operation);
  const floor = row?.floors.prebuilt ?? row?.floors.pipe;
  return row?.manager === undefined || floor === undefined ? null : row.manager.cpuMsPerOp / floor.cpuMsPerOp;
}

function aloneOf(result: PartResult, operation: string): number | null {
  const measured = result.rows.find((row) => row.operation === operation)?.manager;
  const idleMsPerSecond = result.facts.find(({ name }) => name === 'idle CPU')?.value;
  if (measured === undefined || idleMsPerSecond == null) return null;
  return measured.cpuMsPerOp - idleMsPerSecond / measured.opsPerSecond;
}

function ratio(from: number | null, to: number | null): string {
  return from === null || to === null || from <= 0 ? '' : `${figure(to / from)}×`;
}
