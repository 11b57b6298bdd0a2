import type { FloorName } from '../floor/floors.ts';
import type { Fact, PartResult, Row } from './result.ts';
import { targetOf } from './targets.ts';

const FLOORS: readonly FloorName[] = ['prebuilt', 'pipe', 'pipe-reuse', 'engine'];

/** Cells of a table: the first row is the header. */
export type Table = readonly (readonly string[])[];

/** The operations of a part: manager first, then CPU time of each floor that was measured and the ratio to it. */
export function rowsTable(rows: readonly Row[]): Table {
  const floors = FLOORS.filter((name) => rows.some((row) => row.floors[name] !== undefined));
  const header = ['operation', 'clients', 'p50 ms', 'p90 ms', 'p99 ms', 'ops/s', 'CPU ms/op', 'target', ...floors];
  return [header, ...rows.map((row) => cellsOf(row, floors))];
}

function cellsOf(row: Row, floors: readonly FloorName[]): string[] {
  const { manager } = row;
  const target = targetOf(row.operation);
  const own =
    manager === undefined
      ? ['', '', '', '', '']
      : [manager.p50Ms, manager.p90Ms, manager.p99Ms, manager.opsPerSecond, manager.cpuMsPerOp].map(figure);
  const errors = manager !== undefined && manager.errors > 0 ? ` (${manager.errors} failed)` : '';
  const beside = floors.map((name) => {
    const floor = row.floors[name];
    if (floor === undefined) return '';
    const ratio =
      manager === undefined || floor.cpuMsPerOp === 0 ? '' : ` (${figure(manager.cpuMsPerOp / floor.cpuMsPerOp)}×)`;
    return `${figure(floor.cpuMsPerOp)}${ratio}`;
  });
  return [
    `${row.operation}${errors}`,
    String(row.clients),
    ...own,
    target === undefined ? '' : `≤ ${target}`,
    ...beside,
  ];
}

/** The other figures of a part. */
export function factsTable(facts: readonly Fact[]): Table {
  const rows = facts.map((fact) => {
    const target = targetOf(fact.name);
    const floor = fact.floor === undefined ? '' : figure(fact.floor);
    return [
      fact.name,
      figure(fact.value),
      fact.unit,
      target === undefined ? '' : `≤ ${target}`,
      floor,
      fact.remark ?? '',
    ];
  });
  return [['figure', 'value', 'unit', 'target', 'floor', 'remark'], ...rows];
}

/** Three significant digits at most, no exponents. */
export function figure(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'never';
  const size = Math.abs(value);
  if (size >= 100 || size === 0) return String(Math.round(value));
  return value.toFixed(size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

const TEXT_COLUMNS: ReadonlySet<string> = new Set(['operation', 'figure', 'unit', 'remark']);

/** Columns aligned with spaces: text to the left, figures to the right. */
export function toText(table: Table): string {
  const [header = []] = table;
  const columns = header.map((name, column) => ({
    left: TEXT_COLUMNS.has(name),
    width: Math.max(...table.map((row) => [...(row[column] ?? '')].length)),
  }));
  const line = (row: readonly string[]): string =>
    columns.map(({ left, width }, i) => pad(row[i] ?? '', width, left)).join('  ');
  return table.map((row) => line(row).trimEnd()).join('\n');
}

function pad(cell: string, width: number, left: boolean): string {
  const space = ' '.repeat(Math.max(0, width - [...cell].length));
  return left ? cell + space : space + cell;
}

/** A Markdown table. */
export function toMarkdown(table: Table): string {
  const [header = [], ...rows] = table;
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((name) => (TEXT_COLUMNS.has(name) ? '---' : '---:'));
  return [header, rule, ...rows].map(line).join('\n');
}

/** What a part found, for the terminal. */
export function toPlainReport(result: PartResult): string {
  const pieces = [
    result.rows.length > 0 ? toText(rowsTable(result.rows)) : '',
    result.facts.length > 0 ? toText(factsTable(result.facts)) : '',
  ];
  return pieces.filter((piece) => piece !== '').join('\n\n');
}
