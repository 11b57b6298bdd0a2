import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cidrAt,
  containsAddress,
  containsCidr,
  formatAddress,
  formatCidr,
  overlap,
  parseAddress,
  parseCidr,
} from './cidr.ts';

const cidr = (text: string) => parseCidr(text) ?? expect.unreachable(text);

describe('parseCidr', () => {
  test.each([
    ['10.0.0.0/24', '10.0.0.0', 24],
    ['10.0.0.7/24', '10.0.0.0', 24],
    ['0.0.0.0/0', '0.0.0.0', 0],
    ['1.2.3.4/32', '1.2.3.4', 32],
  ])('%s', (text, first, bits) => {
    expect(formatAddress(cidr(text).first)).toBe(first);
    expect(cidr(text).bits).toBe(bits);
  });

  test.each([
    '',
    'nonsense',
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0/24',
    '10.0.0.0/-1',
    'fd00::/129',
    'fe80::1%eth0/64',
    '/24',
  ])('nothing: "%s"', (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});

test.each([
  ['::', 0n],
  ['::1', 1n],
  ['fd00::1', 0xfd00n * 2n ** 112n + 1n],
  ['1:2:3:4:5:6:7:8', 0x0001_0002_0003_0004_0005_0006_0007_0008n],
  ['::ffff:10.0.0.1', 0xffff_0a00_0001n],
])('IPv6 %s', (text, value) => {
  expect(parseAddress(text)).toEqual({ value, width: 128 });
});

test('overlap and containment are those of the addresses', () => {
  const block = fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 24, max: 32 }))
    .map(([last, bits]) => cidrAt((10n << 24n) + BigInt(last), bits, 32));
  fc.assert(
    fc.property(block, block, (a, b) => {
      const inBoth = Array.from({ length: 256 }, (_, last) => `10.0.0.${last}`).filter(
        (address) => containsAddress(a, address) && containsAddress(b, address),
      );
      expect(overlap(a, b)).toBe(inBoth.length > 0);
      expect(containsCidr(a, b)).toBe(BigInt(inBoth.length) === b.last - b.first + 1n);
      expect(formatCidr(cidr(formatCidr(a)))).toBe(formatCidr(a));
    }),
  );
});

test('IPv4 and IPv6 have nothing in common', () => {
  expect(overlap(cidr('0.0.0.0/0'), cidr('::/0'))).toBe(false);
  expect(containsAddress(cidr('::/0'), '10.0.0.1')).toBe(false);
});
