import { expect, test } from 'vitest';
import { formatRequestHead } from './request-head.ts';

test('a list of values is one line for each', () => {
  const head = formatRequestHead('POST', '/v1.51/session', { Upgrade: 'h2c', 'X-Method': ['/a', '/b'] });
  expect(head).toBe(
    'POST /v1.51/session HTTP/1.1\r\nHost: docker\r\nUpgrade: h2c\r\nX-Method: /a\r\nX-Method: /b\r\n\r\n',
  );
});

test.each(['/x HTTP/1.1\r\n\r\nGET /y', '/a b', '/a\0'])('no path makes it another request: %j', (path) => {
  expect(() => formatRequestHead('GET', path, {})).toThrow('cannot be asked for');
});

test.each([{ 'X-A': 'b\r\nX-C: d' }, { 'X-A': ['ok', 'b\nc'] }, { 'X-A\r\nX-B': 'c' }])(
  'no header makes it another request: %j',
  (fields) => {
    expect(() => formatRequestHead('GET', '/x', fields)).toThrow('line break');
  },
);
