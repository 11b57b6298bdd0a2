import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Column, renderTable, type Screen } from './table.ts';

interface Row {
  readonly name: string;
  readonly image: string;
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'NAME', value: (row) => row.name },
  { title: 'IMAGE', value: (row) => row.image },
];

function screen(columns: number, env: Readonly<Record<string, string>> = {}): Screen {
  return { columns, env };
}

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
    expect(renderTable(COLUMNS, rows, screen(30))).toBe('NAME   IMAGE\nshort  registry.example.com/a…\n');
    expect(renderTable(COLUMNS, rows)).toContain('name:latest');
  });

  it('keeps every line within the terminal, unless that leaves too little of a column', () => {
    const text = fc.string({ maxLength: 60, unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(
        fc.array(fc.record({ name: text, image: text }), { maxLength: 5 }),
        fc.integer({ min: 20, max: 90 }),
        (rows, width) => {
          for (const line of renderTable(COLUMNS, rows, screen(width)).split('\n'))
            expect(line.length).toBeLessThanOrEqual(width);
        },
      ),
    );
    expect(renderTable(COLUMNS, [{ name: 'n'.repeat(20), image: 'i'.repeat(20) }], screen(5))).toContain(
      'nnnnnnn…  iiiiiii…',
    );
  });

  it('keeps names and addresses whole, leaves columns out first, and gives items lines of their own', () => {
    interface Place {
      readonly name: string;
      readonly address: string;
      readonly ports: string;
    }
    const columns: Column<Place>[] = [
      { title: 'NAME', value: ({ name }) => name, keep: 'whole' },
      { title: 'ADDRESS', value: ({ address }) => address, keep: 'whole' },
      { title: 'SIZE', value: () => '1 of 2 GiB', keep: 'whole', drop: 1 },
      { title: 'PORTS', value: ({ ports }) => ports, keep: 'items' },
    ];
    const row = { name: 'a-long-name', address: '10.213.110.11:2375', ports: '1.1.1.1:80->80/tcp, 1.1.1.1:81->81/tcp' };
    const at = (width: number): string =>
      renderTable(columns, [row], screen(width)).split('\n').slice(1, -1).join('\n');
    expect(at(90)).toBe('a-long-name   10.213.110.11:2375   1 of 2 GiB   1.1.1.1:80->80/tcp, 1.1.1.1:81->81/tcp');
    expect(at(80)).toBe(
      `a-long-name  10.213.110.11:2375  1 of 2 GiB  1.1.1.1:80->80/tcp,\n${' '.repeat(45)}1.1.1.1:81->81/tcp`,
    );
    for (const width of [60, 10])
      expect(at(width)).toBe(
        `a-long-name  10.213.110.11:2375  1.1.1.1:80->80/tcp,\n${' '.repeat(33)}1.1.1.1:81->81/tcp`,
      );
  });

  it('leaves out a column without a word before one that says something', () => {
    const columns: Column<string>[] = [
      { title: 'NAME', value: String, keep: 'whole' },
      { title: 'SWARM', value: () => 'abelha-rainha', drop: 1 },
      { title: 'ERRORS', value: () => '' },
    ];
    expect(renderTable(columns, ['a'], screen(80)).split('\n')[0]).toBe('NAME   SWARM           ERRORS');
    expect(renderTable(columns, ['a'], screen(22)).split('\n')[0]).toBe('NAME   SWARM');
  });

  it('has colours on a terminal that wants them, and only there', () => {
    const columns: Column<string>[] = [{ title: 'STATUS', value: String, color: () => 'green' }];
    expect(renderTable(columns, ['Up'], screen(80))).toBe('STATUS\n\u001b[32mUp\u001b[39m\n');
    expect(renderTable(columns, ['Up'], screen(80, { NO_COLOR: '1' }))).toBe('STATUS\nUp\n');
    expect(renderTable(columns, ['Up'])).toBe('STATUS\nUp\n');
    const long = 'x'.repeat(40);
    expect(renderTable(columns, [long], screen(20)).split('\n')[1]).toBe(`\u001b[32m${'x'.repeat(19)}\u001b[39m…`);
  });

  it('lets no cell move the cursor', () => {
    expect(renderTable(COLUMNS, [{ name: 'a\u001b[2Jb\nc', image: 'x' }])).toBe(
      'NAME       IMAGE\na\ufffd[2Jb c   x\n',
    );
  });
});
