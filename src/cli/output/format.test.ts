import { describe, expect, it } from 'vitest';
import { formatJson, formatRows } from './format.ts';

const VIEW = {
  columns: [
    { title: 'NAME', value: (row: { Name: string; ServerVersion: string }) => row.Name },
    { title: 'VERSION', value: (row: { Name: string; ServerVersion: string }) => row.ServerVersion },
  ],
};
const ROWS = [
  { Name: 'rainha', ServerVersion: '20.10.24' },
  { Name: 'operaria-1', ServerVersion: '28.5.2' },
];

describe('formatRows', () => {
  it.each([
    [undefined, 'NAME         VERSION\nrainha       20.10.24\noperaria-1   28.5.2\n'],
    ['table', 'NAME         VERSION\nrainha       20.10.24\noperaria-1   28.5.2\n'],
    ['json', '{"Name":"rainha","ServerVersion":"20.10.24"}\n{"Name":"operaria-1","ServerVersion":"28.5.2"}\n'],
    ['{{.Name}}\\t{{.ServerVersion}}', 'rainha\t20.10.24\noperaria-1\t28.5.2\n'],
    [
      'table {{.Name}}\\t{{upper .ServerVersion}}',
      'NAME         SERVER VERSION\nrainha       20.10.24\noperaria-1   28.5.2\n',
    ],
  ])('%s', (format, text) => {
    expect(formatRows(VIEW, ROWS, format)).toBe(text);
  });

  it('shows programs the fields a view names', () => {
    const view = { ...VIEW, fields: (row: { Name: string }) => ({ Short: row.Name.slice(0, 3) }) };
    expect(formatRows(view, ROWS, '{{.Short}}')).toBe('rai\nope\n');
    expect(formatRows(view, [], 'json')).toBe('');
  });
});

describe('formatJson', () => {
  it('is indented and ends with a newline', () => {
    expect(formatJson({ a: [1] })).toBe('{\n  "a": [\n    1\n  ]\n}\n');
  });
});
