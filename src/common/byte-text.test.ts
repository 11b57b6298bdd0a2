import { expect, test } from 'vitest';
import { byteText } from './byte-text.ts';

test.each([
  [0, '0B'],
  [999, '999B'],
  [1_000, '1kB'],
  [999_600, '1MB'],
  [1_536_000, '1.54MB'],
  [728_000_000, '728MB'],
  [3e18, '3000PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(byteText(bytes)).toBe(text);
});
