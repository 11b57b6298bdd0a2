import { expect, test } from 'vitest';
import { FairBeginnings } from './fair-beginnings.ts';

test('whatever floods, some beginnings are left to other ports, and to other clients of a port', () => {
  let nowMs = 0;
  const beginnings = new FairBeginnings(512, () => nowMs);
  const flood = (port: string, address: string): number =>
    Array.from({ length: 2_000 }, () => beginnings.admits(port, address)).filter(Boolean).length;
  const first = flood('53', '192.0.2.1');
  expect(first).toBeGreaterThan(150);
  expect(beginnings.admits('53', '192.0.2.2')).toBe(true);
  const others = [flood('54', '192.0.2.1'), flood('55', '192.0.2.1'), flood('56', '192.0.2.1')];
  expect(first + others.reduce((sum, each) => sum + each, 0)).toBeLessThan(512);
  expect(beginnings.admits('123', '192.0.2.3')).toBe(true);
  nowMs += 1_000;
  expect(flood('53', '192.0.2.1')).toBe(first);
});
