import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseAddress, chooseSubnet, isMeshSubnet, overlaps } from './subnet.ts';

describe('overlaps', () => {
  it.each([
    ['10.231.0.0/16', '10.231.5.0/24', true],
    ['10.231.5.7/32', '10.231.0.0/16', true],
    ['10.231.0.0/16', '10.230.0.0/16', false],
    ['10.0.0.0/8', '10.231.0.0/16', true],
    ['0.0.0.0/0', '10.231.0.0/16', true],
    ['192.168.1.0/24', '192.168.2.0/24', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlaps(a, b)).toBe(expected);
    expect(overlaps(b, a)).toBe(expected);
  });
});

describe('chooseSubnet', () => {
  it('goes out of the way of what nodes use, and gives up when nothing is left', () => {
    expect(chooseSubnet(['192.168.1.0/24'])).toBe('10.231.0.0/16');
    expect(chooseSubnet(['10.231.7.0/24'])).toBe('10.199.0.0/16');
    expect(chooseSubnet(['10.0.0.0/8'])).toBeUndefined();
  });
});

describe('chooseAddress', () => {
  it('gives each its own, none of them soon again, and none outside', () => {
    expect(chooseAddress('10.231.0.0/16', [])).toBe('10.231.0.1');
    expect(chooseAddress('10.231.0.0/16', ['10.231.0.1', '10.231.0.9'])).toBe('10.231.0.10');
    expect(chooseAddress('10.231.0.0/30', ['10.231.0.2'])).toBe('10.231.0.1');
    expect(chooseAddress('10.231.0.0/30', ['10.231.0.1', '10.231.0.2'])).toBeUndefined();
  });

  it('gives different addresses as long as there are any', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(13), { maxLength: 14 }), (removed) => {
        const taken: string[] = [];
        for (const each of removed) {
          const address = chooseAddress('10.231.0.0/28', taken);
          expect(address !== undefined || taken.length === 14).toBe(true);
          if (address === undefined) break;
          expect(taken).not.toContain(address);
          expect(overlaps(address, '10.231.0.0/28')).toBe(true);
          taken.push(address);
          if (each % 3 === 0) taken.splice(each % taken.length, 1);
        }
      }),
    );
  });
});

describe('isMeshSubnet', () => {
  it.each([
    ['10.231.0.0/16', true],
    ['10.231.0.1/16', false],
    ['10.231.0.0', false],
    ['10.231.0.0/29', false],
    ['fd00::/8', false],
    ['10.0.0.0/7', false],
  ])('%s: %s', (text, expected) => expect(isMeshSubnet(text)).toBe(expected));
});
