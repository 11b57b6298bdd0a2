import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, renderTable } from './table.ts';

interface Row {
  readonly name: string;
  readonly image: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: (row) => row.name },
  { title: 'IMAGE', value: (row) => row.image },
];

describe('renderTable', () => {
  it('looks like docker: titles, three spaces, no borders, nothing at the ends of lines', () => {
    const rows = [
      { name: 'rainha/redis_1', image: 'redis' },
      { name: 'db', image: 'postgres:17' },
    ];
    expect(renderTable(COLUMNS, rows)).toBe(
      ['NAME             IMAGE', 'rainha/redis_1   redis', 'db               postgres:17', ''].join('\n'),
    );
  });

  it('shows the titles when there is nothing', () => {
    expect(renderTable(COLUMNS, [])).toBe('NAME   IMAGE\n');
  });

  it('puts numbers to the right', () => {
    const columns: Column<number>[] = [
      { title: 'CPUS', value: String, align: 'right' },
      { title: 'X', value: () => 'x' },
    ];
    expect(renderTable(columns, [1, 10])).toBe('CPUS   X\n   1   x\n  10   x\n');
  });

  it('cuts the widest column to the width of the terminal', () => {
    const rows = [{ name: 'short', image: 'registry.example.com/a/very/long/name:latest' }];
    expect(renderTable(COLUMNS, rows, 30)).toBe('NAME    IMAGE\nshort   registry.example.com/…\n');
    expect(renderTable(COLUMNS, rows)).toContain('name:latest');
  });

  it('keeps every line within the terminal, unless that leaves too little of a column', () => {
    const text = fc.string({ maxLength: 60, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: text, image: text }), { maxLength: 5 }),
        fc.integer({ min: 20, max: 90 }),
        (rows, width) => {
          for (const line of renderTable(COLUMNS, rows, width).split('\n'))
            expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
    expect(renderTable(COLUMNS, [{ name: 'n'.repeat(20), image: 'i'.repeat(20) }], 5)).toContain('nnnnnnn…   iiiiiii…');
  });

  it('lets no cell move the cursor', () => {
    expect(renderTable(COLUMNS, [{ name: 'a\u001b[2Jb\nc', image: 'x' }])).toBe(
      'NAME       IMAGE\na\ufffd[2Jb c   x\n',
    );
  });
});
