/** A column as far as its width is concerned. */
export interface Fitted {
  readonly title: string;
  /** What a narrow terminal must not cut: the whole cell, or each of its items (`a, b, c`), which get lines of their own. Else it is cut to some characters. */
  readonly keep?: 'whole' | 'items';
  /** A column that may be left out on a narrow terminal; the highest goes first. */
  readonly drop?: number;
}

/** How a table is laid out in a width. */
export interface Layout {
  /** Indexes of the columns that are shown. */
  readonly shown: readonly number[];
  /** Their widths, without gaps. */
  readonly widths: readonly number[];
  readonly gap: number;
}

const GAP = 3;
const NARROW_GAP = 2;
// A column is not cut to less than this.
const MIN_WIDTH = 8;

/**
 * Lays out columns of `cells` (lines of texts, titles first) in `width` characters: all of it when there is room, else smaller gaps, then without
 * empty columns, then the widest of the columns that may be cut, then fewer columns. What must stay whole stays, also when lines become
 * longer than `width`.
 */
export function layOut(columns: readonly Fitted[], cells: readonly (readonly string[])[], width: number): Layout {
  const natural = columns.map((_, index) => Math.max(...cells.map((line) => displayWidth(line[index] ?? ''))));
  const least = columns.map((column, index) => leastWidth(column, index, cells, natural[index] ?? 0));
  const [, ...rows] = cells;
  const isEmpty = (index: number): boolean =>
    columns[index]?.keep === undefined && rows.length > 0 && rows.every((row) => (row[index] ?? '') === '');
  const whole = natural.reduce((sum, each) => sum + each, NARROW_GAP * (columns.length - 1));
  let shown = columns.map((_, index) => index).filter((index) => whole <= width || !isEmpty(index));
  for (;;) {
    const layout = shrunk(shown, natural, least, width);
    const last = shown.filter((index) => columns[index]?.drop !== undefined).sort(byDrop(columns))[0];
    if (layout.isFitting || last === undefined) return layout;
    shown = shown.filter((index) => index !== last);
  }
}

/** The items of a cell in as many lines as they need; none is cut, also when one is longer than `width`. */
export function itemLines(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  const items = text.split(', ');
  for (const [at, item] of items.entries()) {
    const last = lines.at(-1);
    const comma = at < items.length - 1 ? ',' : '';
    if (last !== undefined && displayWidth(`${last}, ${item}${comma}`) <= width)
      lines[lines.length - 1] = `${last}, ${item}`;
    else lines.push(item);
  }
  return lines.map((line, index) => (index < lines.length - 1 ? `${line},` : line));
}

function byDrop(columns: readonly Fitted[]): (a: number, b: number) => number {
  return (a, b) => (columns[b]?.drop ?? 0) - (columns[a]?.drop ?? 0);
}

function leastWidth(column: Fitted, index: number, cells: readonly (readonly string[])[], natural: number): number {
  if (column.keep === 'whole') return natural;
  if (column.keep === undefined) return Math.min(natural, Math.max(MIN_WIDTH, displayWidth(column.title)));
  return Math.max(...cells.flatMap((line) => itemLines(line[index] ?? '', 0).map(displayWidth)));
}

function shrunk(
  shown: readonly number[],
  natural: readonly number[],
  least: readonly number[],
  width: number,
): Layout & { readonly isFitting: boolean } {
  const widths = shown.map((index) => natural[index] ?? 0);
  const room = (gap: number): number => width - widths.reduce((sum, each) => sum + each, gap * (widths.length - 1));
  if (room(GAP) >= 0) return { shown, widths, gap: GAP, isFitting: true };
  for (let excess = -room(NARROW_GAP); excess > 0; excess -= 1) {
    const widest = widestOf(widths, shown, least);
    if (widest === undefined) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
  }
  return { shown, widths, gap: NARROW_GAP, isFitting: room(NARROW_GAP) >= 0 };
}

/** The widest that may still be cut. */
function widestOf(widths: readonly number[], shown: readonly number[], least: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [at, width] of widths.entries()) {
    const mayShrink = width > (least[shown[at] ?? 0] ?? 0);
    if (mayShrink && width > (widest === undefined ? 0 : (widths[widest] ?? 0))) widest = at;
  }
  return widest;
}

const WIDE = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u;

/** Places that a text takes on a terminal. */
export function displayWidth(text: string): number {
  return [...text].reduce((sum, character) => sum + (WIDE.test(character) ? 2 : 1), 0);
}
