import { expect, test } from 'vitest';
import { relayLimits } from './relay-limits.ts';

test('relays leave descriptors to others, and half of theirs to other ports', () => {
  expect([1_024, 4_096, 1_048_576].map((descriptors) => relayLimits(3_072, descriptors))).toEqual([
    { total: 64, perPort: 32 },
    { total: 1_536, perPort: 768 },
    { total: 3_072, perPort: 1_536 },
  ]);
  expect(relayLimits(3_072).total).toBeGreaterThanOrEqual(64);
});
