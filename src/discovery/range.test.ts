import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expandRanges, MAX_RANGE_ENTRIES } from './range.ts';

describe('expandRanges', () => {
  it.each([
    ['10.0.0.1:2375', ['10.0.0.1:2375']],
    ['10.0.0.[1:3]:2375', ['10.0.0.1:2375', '10.0.0.2:2375', '10.0.0.3:2375']],
    ['10.0.0.[7:7]:2375', ['10.0.0.7:2375']],
    ['node[08:10]:2375', ['node08:2375', 'node09:2375', 'node10:2375']],
    ['h:[2375:2376]', ['h:2375', 'h:2376']],
    ['10.0.[0:1].[1:2]:5', ['10.0.0.1:5', '10.0.0.2:5', '10.0.1.1:5', '10.0.1.2:5']],
    ['tls://10.0.0.[1:2]:2376', ['tls://10.0.0.1:2376', 'tls://10.0.0.2:2376']],
    ['[::1]:2375', ['[::1]:2375']],
    ['[fe80::1%eth0]:2375', ['[fe80::1%eth0]:2375']],
    ['[fd00::[1:2]]:2375', ['[fd00::1]:2375', '[fd00::2]:2375']],
  ])('%s', (text, members) => {
    expect(expandRanges(text)).toEqual(members);
  });

  it.each([
    ['10.0.0.[200:10]:2375', 'ends before it begins'],
    ['10.0.0.[10:]:2375', 'neither two numbers nor an IPv6 address'],
    ['10.0.0.[a:b]:2375', 'neither two numbers nor an IPv6 address'],
    ['10.0.0.[10-20]:2375', 'neither two numbers nor an IPv6 address'],
    ['10.0.0.[10:20:2375', 'a bracket is not closed'],
    ['10.0.0.[]:2375', 'neither two numbers nor an IPv6 address'],
    ['10.0.0.[-1:3]:2375', 'neither two numbers nor an IPv6 address'],
    ['10.0.0.[0:65536]:2375', 'more than 65536 entries'],
    ['10.[0:255].[0:255].[0:255]:2375', 'more than 65536 entries'],
    ['10.0.0.[0:99999999999999999999999]:2375', 'more than 65536 entries'],
  ])('explains %s', (text, why) => {
    expect(() => expandRanges(text)).toThrow(why);
    expect(() => expandRanges(text)).toThrow('Write ranges like 10.0.0.[10:200]:2375');
  });

  it('gives every number between the ends, once, in order', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5000 }), fc.nat({ max: 300 }), (from, more) => {
        const members = expandRanges(`h[${from}:${from + more}]:1`);
        expect(members).toEqual(Array.from({ length: more + 1 }, (_, i) => `h${from + i}:1`));
      }),
    );
  });

  it('never gives more than the bound and never throws anything but its own line', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9[\]:.a-f]{0,24}$/), (text) => {
        try {
          expect(expandRanges(text).length).toBeLessThanOrEqual(MAX_RANGE_ENTRIES);
        } catch (error) {
          expect(error).toMatchObject({ code: 'BAD_RANGE' });
        }
      }),
    );
  });
});
