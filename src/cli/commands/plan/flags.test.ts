import { describe, expect, it } from 'vitest';
import { headroomFlag, minDomainsFlag, minSavingFlag } from './flags.ts';

describe('flags of plan cheapest', () => {
  it.each([
    ['10%', { share: 0.1 }],
    ['1', { nodes: 1 }],
  ])('--headroom %s', (text, expected) => {
    expect(headroomFlag(text)).toEqual(expected);
  });

  it.each(['', '91%', '-1', 'one', '1.5'])('--headroom %j is refused', (text) => {
    expect(() => headroomFlag(text)).toThrow(/^--headroom should be a share like 10%/);
  });

  it('--min-domains gathers labels, and refuses what contradicts itself', () => {
    expect(minDomainsFlag('zone=3', minDomainsFlag('provider=2'))).toEqual({ provider: 2, zone: 3 });
    expect(() => minDomainsFlag('provider=3', { provider: 2 })).toThrow(/says provider=2 and provider=3/);
    for (const text of ['provider', 'provider=0', '=2', 'provider=x'])
      expect(() => minDomainsFlag(text)).toThrow(/^--min-domains should be a label and a number/);
  });

  it('--min-saving takes an amount or a share', () => {
    expect(minSavingFlag('5.5')).toEqual({ amount: 5.5 });
    expect(minSavingFlag('10%')).toEqual({ share: 0.1 });
    for (const text of ['', '-5', '101%', '5 EUR'])
      expect(() => minSavingFlag(text)).toThrow(/^--min-saving should be/);
  });
});
