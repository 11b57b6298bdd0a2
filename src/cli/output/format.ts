import { printableJson } from '../../common/printable.ts';
import { type Column, renderTable, type Screen } from './table.ts';
import { compileTemplate, templateTitles } from './template.ts';

/** Help text of a `--format` flag, with a template of the command's own fields. */
export function formatHelp(template: string): string {
  return `'table', 'json' (a line each), or a template like '${template}'`;
}

/** What can be shown of rows of one kind. */
export interface View<Row> {
  /** Columns of the table. */
  readonly columns: readonly Column<Row>[];
  /** A row as `json` and templates see it; by default the row itself. */
  readonly fields?: (row: Row) => Readonly<Record<string, unknown>>;
}

/**
 * The rows in the asked `format`: `table` (or nothing), `json` for one JSON object a line, a template, or `table TEMPLATE`. Ends with
 * a newline unless empty. Throws a `UsageError` for a template that cannot be used.
 */
export function formatRows<Row>(
  view: View<Row>,
  rows: readonly Row[],
  format: string = 'table',
  screen?: Screen,
): string {
  const fields = view.fields ?? ((row: Row) => row as Readonly<Record<string, unknown>>);
  if (format === 'table' || format === '') return renderTable(view.columns, rows, screen);
  if (format === 'json') return lines(rows.map((row) => printableJson(JSON.stringify(fields(row)))));
  const tabular = /^table\s+(.*)$/s.exec(format)?.[1];
  if (tabular === undefined) {
    const template = compileTemplate(format);
    return lines(rows.map((row) => template(fields(row))));
  }
  const template = compileTemplate(tabular);
  return aligned(
    templateTitles(tabular),
    rows.map((row) => template(fields(row))),
    screen,
  );
}

/** One thing as JSON for people and programs: indented, with a newline at the end. */
export function formatJson(value: unknown): string {
  return `${printableJson(JSON.stringify(value, undefined, 2))}\n`;
}

function aligned(titles: string, rows: readonly string[], screen: Screen | undefined): string {
  const columns = titles.split('\t').map((title, index) => ({
    title,
    value: (row: readonly string[]) => row[index] ?? '',
  }));
  return renderTable(
    columns,
    rows.map((row) => row.split('\t')),
    screen,
  );
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join('');
}
