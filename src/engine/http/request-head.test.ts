import { expect, test } from 'vitest';
import { formatRequestHead } from './request-head.ts';

test('a list of values is one line for each', () => {
  const head = formatRequestHead('POST', '/v1.51/session', { Upgrade: 'h2c', 'X-Method': ['/a', '/b'] });
  expect(head).toBe(
    'POST /v1.51/session HTTP/1.1\r\nHost: docker\r\nUpgrade: h2c\r\nX-Method: /a\r\nX-Method: /b\r\n\r\n',
  );
});

test('bytes of Latin-1 pass as they came', () => {
  expect(formatRequestHead('GET', '/\xe4', { 'X-A': '\xe4\tb' })).toContain(
    'GET /\xe4 HTTP/1.1\r\nHost: docker\r\nX-A: \xe4\tb\r\n',
  );
});

test.each(['/x HTTP/1.1\r\n\r\nGET /y', '/a b', '/a\0', '/a\u010ab', '/a\u010d\u010ab'])(
  'no path makes it another request: %j',
  (path) => {
    expect(() => formatRequestHead('GET', path, {})).toThrow('cannot be asked for');
  },
);

test.each([
  { 'X-A': 'b\r\nX-C: d' },
  { 'X-A': ['ok', 'b\nc'] },
  { 'X-A': 'b\u010d\u010aX-C: d' },
  { 'X-A\r\nX-B': 'c' },
])('no header makes it another request: %j', (fields) => {
  expect(() => formatRequestHead('GET', '/x', fields)).toThrow('line break');
});
