import Table from 'cli-table3';
import picocolors from 'picocolors';
import { printable } from '../../common/printable.ts';
import type { Io } from '../io.ts';
import { wantsColor } from './colors.ts';
import { type Fitted, itemLines, type Layout, layOut } from './fit.ts';

/** Where a table is shown; the terminal's width is absent when it is not shown on one. */
export type Screen = Pick<Io, 'columns' | 'env'>;

/** A column of a table and what it shows of a row. */
export interface Column<Row> extends Fitted {
  /** Title, as docker writes them: upper case. */
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: 'left' | 'right';
  /** A cell's colour, where there are colours. */
  readonly color?: (row: Row) => 'green' | 'yellow' | 'red' | 'dim' | undefined;
}

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
const GAP = 3;

/**
 * The rows as docker prints them: titles, no borders, three spaces between columns. On a terminal they are made to fit its width (see
 * {@link layOut}) and have colours; elsewhere nothing is cut. Ends with a newline.
 */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], screen?: Screen): string {
  const width = screen?.columns;
  const head = columns.map((column) => column.title);
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const layout = width === undefined ? undefined : layOut(columns, [head, ...cells], width);
  const shown = layout?.shown ?? columns.map((_, index) => index);
  const colors = picocolors.createColors(width !== undefined && wantsColor(screen?.env ?? {}));
  const table = new Table({
    head: shown.map((index) => head[index] ?? ''),
    chars: NO_BORDERS,
    ...(layout === undefined ? {} : { colWidths: layout.widths.map((each) => each + layout.gap) }),
    colAligns: shown.map((index) => columns[index]?.align ?? 'left'),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': layout?.gap ?? GAP },
    truncate: '…',
  });
  for (const [at, row] of rows.entries()) {
    const line = shown.map((index, place) => {
      const text = cut(columns[index], cells[at]?.[index] ?? '', layout, place);
      const color = columns[index]?.color?.(row);
      return color === undefined ? text : colors[color](text);
    });
    table.push(line);
  }
  const lines = table.toString().split('\n');
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`;
}

// cli-table3 cuts the rest, at the widths of the layout.
function cut(column: Fitted | undefined, text: string, layout: Layout | undefined, place: number): string {
  return column?.keep === 'items' && layout !== undefined
    ? itemLines(text, layout.widths[place] ?? 0).join('\n')
    : text;
}
