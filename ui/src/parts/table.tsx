import type { ComponentChildren, JSX } from 'preact';
import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { amend, useRoute } from '../model/route.ts';
import { useWords } from '../words/words.ts';
import { Nothing } from './fault.tsx';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  /** What it is sorted by; a column without is not sorted. */
  readonly by?: (row: T) => string | number;
  readonly cell: (row: T) => ComponentChildren;
  readonly isNumber?: boolean;
  /** Left out where the screen is narrow. */
  readonly isExtra?: boolean;
}

interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
  /** Column and direction at first. */
  readonly sort?: readonly [string, 'up' | 'down'];
  /** Of all rows, for `12 of 300`. */
  readonly total?: number;
  readonly empty?: string;
}

/** As in style/parts.css: one line, or two where the screen is narrow. */
const narrow = matchMedia('(max-width: 760px)');
const rowPixels = (): number => (narrow.matches ? 68 : 44);
const AROUND = 12;

/** A table that draws only the rows that are seen; how it is sorted is in the address. */
export function Table<T>({ label, columns, rows, keyOf, sort, total, empty }: TableProps<T>): JSX.Element {
  const { table, nothingFound } = useWords();
  const { query } = useRoute();
  const key = query.get('sort') ?? sort?.[0] ?? columns[0]?.key ?? '';
  const isDown = (query.get('dir') ?? (query.has('sort') ? 'up' : (sort?.[1] ?? 'up'))) === 'down';
  const column = columns.find((each) => each.key === key);
  const sorted = useMemo(() => sortedBy(rows, column?.by, isDown), [rows, column?.key, isDown]);
  const { box, from, to, watch } = useWindow(sorted.length);
  const columnClass = ({ isNumber, isExtra }: Column<T>): string =>
    [isNumber ? 'number' : '', isExtra ? 'extra' : ''].filter(Boolean).join(' ');
  return (
    <div class="table-frame">
      <p class="table-count" aria-live="off">
        {total !== undefined && total !== rows.length ? table.of(rows.length, total) : table.rows(rows.length)}
      </p>
      <section ref={box} class="table-scroll" onScroll={watch} tabIndex={0} aria-label={label}>
        <table class="table" aria-rowcount={sorted.length + 1} aria-label={label}>
          <thead>
            <tr>
              {columns.map((each) => (
                <th
                  key={each.key}
                  scope="col"
                  class={columnClass(each)}
                  aria-sort={each.key === key ? (isDown ? 'descending' : 'ascending') : undefined}
                >
                  {each.by ? (
                    <button
                      type="button"
                      class="sorter"
                      title={table.sort(each.title)}
                      onClick={() => amend({ sort: each.key, dir: each.key === key && !isDown ? 'down' : 'up' })}
                    >
                      {each.title}
                      <span class="sorter-mark" aria-hidden="true">
                        {each.key === key ? (isDown ? '↓' : '↑') : ''}
                      </span>
                    </button>
                  ) : (
                    each.title
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {from > 0 && <Gap rows={from} columns={columns.length} />}
            {sorted.slice(from, to).map((row, at) => (
              <tr key={keyOf(row)} aria-rowindex={from + at + 2}>
                {columns.map((each) => (
                  <td key={each.key} class={columnClass(each)} data-title={each.isNumber ? each.title : undefined}>
                    {each.cell(row)}
                  </td>
                ))}
              </tr>
            ))}
            {to < sorted.length && <Gap rows={sorted.length - to} columns={columns.length} />}
          </tbody>
        </table>
        {sorted.length === 0 && <Nothing title={empty ?? nothingFound} />}
      </section>
    </div>
  );
}

function Gap({ rows, columns }: { readonly rows: number; readonly columns: number }) {
  return (
    <tr aria-hidden="true">
      <td class="gap" colSpan={columns} style={{ height: `${rows * rowPixels()}px`, padding: 0 }} />
    </tr>
  );
}

/** Which rows are seen. */
function useWindow(count: number) {
  const box = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState({ first: 0, rows: 40 });
  const watch = (): void => {
    const element = box.current;
    if (!element) return;
    const first = Math.floor(element.scrollTop / rowPixels());
    const rows = Math.ceil(element.clientHeight / rowPixels());
    setSeen((before) => (before.first === first && before.rows === rows ? before : { first, rows }));
  };
  useLayoutEffect(() => {
    watch();
    const resizing = new ResizeObserver(watch);
    if (box.current) resizing.observe(box.current);
    return () => resizing.disconnect();
  }, []);
  const from = Math.max(0, Math.min(seen.first - AROUND, count - seen.rows));
  return { box, watch, from, to: Math.min(count, seen.first + seen.rows + AROUND) };
}

function sortedBy<T>(rows: readonly T[], by: Column<T>['by'], isDown: boolean): readonly T[] {
  if (!by) return rows;
  const sign = isDown ? -1 : 1;
  return rows
    .map((row) => ({ row, key: by(row) }))
    .sort(({ key: a }, { key: b }) => sign * compare(a, b))
    .map(({ row }) => row);
}

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : collator.compare(String(a), String(b));
}
