import { describe, expect, test } from 'vitest';
import { drawChart } from './chart.ts';
import { replaceSection } from './document.ts';
import { growthTable } from './growth.ts';
import type { PartResult, Row } from './result.ts';
import { factsTable, figure, rowsTable, toMarkdown, toText } from './table.ts';

const MEASURED = {
  p50Ms: 1,
  p90Ms: 2,
  p99Ms: 3,
  operations: 10,
  errors: 0,
  opsPerSecond: 1234,
  cpuMsPerOp: 0.5,
  bytesPerOp: 9,
};
const ROW: Row = {
  operation: 'info',
  clients: 4,
  manager: MEASURED,
  floors: { prebuilt: { ...MEASURED, cpuMsPerOp: 0.1 } },
};

describe('figure', () => {
  test.each([
    [0, '0'],
    [0.0123, '0.012'],
    [1.236, '1.24'],
    [12.34, '12.3'],
    [1234.5, '1235'],
    [null, 'never'],
  ])('%j is %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });
});

describe('tables', () => {
  test('a row shows the target and the ratio to each floor', () => {
    expect(rowsTable([ROW])[1]).toEqual(['info', '4', '1.00', '2.00', '3.00', '1234', '0.500', '≤ 2', '0.100 (5.00×)']);
  });

  test('failed operations are named', () => {
    expect(rowsTable([{ ...ROW, manager: { ...MEASURED, errors: 2 } }])[1]?.[0]).toBe('info (2 failed)');
  });

  test('text columns are left, figures right aligned', () => {
    const table = factsTable([{ name: 'idle CPU', value: 3, unit: 'ms/s', remark: 'r' }]);
    expect(toText(table)).toBe('figure    value  unit  target  floor  remark\nidle CPU   3.00  ms/s    ≤ 20         r');
    expect(toMarkdown(table).split('\n')[1]).toBe('| --- | ---: | --- | ---: | ---: | --- |');
  });
});

describe('growthTable', () => {
  const sweepOf = (nodes: number, cpuMsPerOp: number, idle: number, floor: number): PartResult => ({
    part: 'sweep',
    nodes,
    containers: 30,
    tls: false,
    manager: 'm',
    environment: { when: '', node: '', kernel: '', cpu: '', cores: 2, memoryGiB: 1 },
    rows: [
      {
        ...ROW,
        operation: 'ps by ID',
        manager: { ...MEASURED, opsPerSecond: 1000, cpuMsPerOp },
        floors: { prebuilt: { ...MEASURED, cpuMsPerOp: floor } },
      },
    ],
    facts: [{ name: 'idle CPU', value: idle, unit: 'ms/s' }],
  });

  test('compares from 100 nodes on, with and without what idling costs, and in floors', () => {
    const sweep = [sweepOf(5000, 0.4, 100, 0.03), sweepOf(10, 0.09, 1, 0.01), sweepOf(100, 0.2, 100, 0.02)];
    const span = '100 → 5000';
    expect(growthTable(sweep)).toEqual([
      [
        'operation',
        '10 nodes',
        '100 nodes',
        '5000 nodes',
        span,
        `${span} without idling`,
        `${span} in floors`,
        'target',
      ],
      ['ps by ID', '0.090', '0.200', '0.400', '2.00×', '3.00×', '1.33×', '≤ 1.5×'],
    ]);
  });

  test('needs two sizes', () => {
    expect(growthTable([sweepOf(10, 1, 1, 1), sweepOf(100, 1, 1, 1)])).toBeUndefined();
    expect(growthTable([])).toBeUndefined();
  });
});

describe('drawChart', () => {
  const options = { title: 'a < b', xTitle: 'x', yTitle: 'y' };

  test.each(['linear', 'log'] as const)('draws every series on %s axes without a broken number', (scale) => {
    const series = [
      {
        name: 'one',
        points: [
          [10, 0.5],
          [100, 2],
          [1000, 300],
        ] as const,
      },
      {
        name: 'flat',
        points: [
          [10, 1],
          [100, 1],
        ] as const,
      },
      { name: 'empty', points: [] },
    ];
    const svg = drawChart(series, { ...options, scale });
    expect(svg.match(/<polyline/g)).toHaveLength(3);
    expect(svg).toContain('a &lt; b');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('leaves out what a log scale cannot show', () => {
    const svg = drawChart(
      [
        {
          name: 'one',
          points: [
            [0, 1],
            [10, 0],
            [10, 1],
          ],
        },
      ],
      { ...options, scale: 'log' },
    );
    expect(svg.match(/<circle/g)).toHaveLength(1);
  });
});

describe('replaceSection', () => {
  const page = 'before\n<!-- results: written by `npm run bench -- report` -->\nold\n<!-- end of results -->\nafter\n';

  test('replaces what is between the marks, again and again', () => {
    const once = replaceSection(page, 'new');
    expect(once).not.toContain('old');
    expect(once).toMatch(/^before\n[^\n]+\n\nnew\n\n[^\n]+\nafter\n$/);
    expect(replaceSection(once, 'new')).toBe(once);
  });

  test('refuses a page without marks', () => {
    expect(() => replaceSection('nothing', 'new')).toThrow('the page has no');
  });
});
