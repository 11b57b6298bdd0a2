import Table from 'cli-table3';
import { printable } from '../../common/printable.ts';

/** A column of a table and what it shows of a row. */
export interface Column<Row> {
  /** Title, as docker writes them: upper case. */
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

const GAP = 3;
// A column is not cut to less than this.
const MIN_WIDTH = 8;

const SIDES = ['top', 'bottom', 'left', 'right', 'mid'];
const CORNERS = [
  'top-mid',
  'top-left',
  'top-right',
  'bottom-mid',
  'bottom-left',
  'bottom-right',
  'left-mid',
  'mid-mid',
];
const NO_BORDERS = Object.fromEntries([...SIDES, ...CORNERS, 'right-mid', 'middle'].map((name) => [name, '']));

/**
 * The rows as docker prints them: titles, no borders, three spaces between columns. With `width` (of a terminal) the widest columns
 * are cut with an ellipsis until lines fit; without, nothing is cut. Ends with a newline.
 */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width?: number): string {
  const head = columns.map((column) => column.title);
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const table = new Table({
    head,
    chars: NO_BORDERS,
    ...(width === undefined ? {} : { colWidths: fittingWidths([head, ...cells], width) }),
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    truncate: '…',
  });
  table.push(...cells);
  const lines = table.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

// cli-table3 counts the gap after a column as part of it; the one after the last is trimmed.
function fittingWidths(lines: readonly (readonly string[])[], width: number): number[] {
  const widths = (lines[0] ?? []).map((_, index) => Math.max(...lines.map((line) => displayWidth(line[index] ?? ''))));
  const total = (): number => widths.reduce((sum, each) => sum + each, GAP * (widths.length - 1));
  for (let excess = total() - width; excess > 0; excess -= 1) {
    const widest = widths.indexOf(Math.max(...widths));
    const current = widths[widest] ?? 0;
    if (current <= MIN_WIDTH) break;
    widths[widest] = current - 1;
  }
  return widths.map((each) => each + GAP);
}

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;

function displayWidth(text: string): number {
  return [...text].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}
