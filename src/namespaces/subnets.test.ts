import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { chooseSubnet, type Range, rangeOf } from './subnets.ts';

describe('rangeOf', () => {
  test.each([
    ['10.213.7.0/24', 181733120, 181733375],
    ['10.213.7.9/24', 181733120, 181733375],
    ['0.0.0.0/0', 0, 4294967295],
    ['255.255.255.255', 4294967295, 4294967295],
    ['128.0.0.0/1', 2147483648, 4294967295],
  ])('%s', (cidr, first, last) => {
    expect(rangeOf(cidr)).toEqual([first, last]);
  });
});

describe('chooseSubnet', () => {
  test('avoids what is used, whatever the seed', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    const cidr = fc.tuple(octet, fc.integer({ min: 12, max: 30 })).map(([third, bits]) => `10.213.${third}.0/${bits}`);
    fc.assert(
      fc.property(fc.array(cidr, { maxLength: 50 }), fc.string(), (cidrs, seed) => {
        const used = cidrs.map(rangeOf);
        expect(used.some((range) => overlap(range, rangeOf(chooseSubnet(used, seed))))).toBe(false);
      }),
    );
  });

  test('leaves the first pool when all of it is used', () => {
    expect(chooseSubnet([rangeOf('10.0.0.0/8')], 'any')).toMatch(/^198\.18\.\d+\.0\/24$/);
  });

  test('says so when nothing is free', () => {
    expect(() => chooseSubnet([rangeOf('0.0.0.0/0')], 'any')).toThrow('no free subnet');
  });
});

function overlap([a, b]: Range, [c, d]: Range): boolean {
  return a <= d && c <= b;
}
