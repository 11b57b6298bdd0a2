import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientOf, RateLimiter } from './rate-limiter.ts';

describe('RateLimiter', () => {
  it('gives the burst, then one each time enough time passed, per client', () => {
    let now = 0;
    const limiter = new RateLimiter({ burst: 2, perSecond: 0.25 }, () => now);
    expect([limiter.take('a'), limiter.take('a'), limiter.take('a'), limiter.take('b')]).toEqual([0, 0, 4, 0]);
    now = 3999;
    expect(limiter.take('a')).toBe(1);
    now = 4000;
    expect(limiter.take('a')).toBe(0);
  });

  it('never grants more than burst plus refill', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 3000 }), { maxLength: 200 }), (steps) => {
        let now = 0;
        const limiter = new RateLimiter({ burst: 5, perSecond: 2 }, () => now);
        let granted = 0;
        for (const step of steps) {
          now += step;
          if (limiter.take('a') === 0) granted += 1;
        }
        expect(granted).toBeLessThanOrEqual(5 + (now / 1000) * 2 + 1e-6);
      }),
    );
  });

  it('forgets the client unseen longest when there are too many', () => {
    const limiter = new RateLimiter({ burst: 1, perSecond: 0.001 }, () => 0);
    limiter.take('first');
    expect(limiter.take('first')).toBeGreaterThan(0);
    for (let i = 0; i < 20_000; i += 1) limiter.take(`other ${i}`);
    expect(limiter.take('first')).toBe(0);
    expect(limiter.take('other 19999')).toBeGreaterThan(0);
  });
});

describe('clientOf', () => {
  it.each([
    [undefined, 'local'],
    ['10.0.0.1', '10.0.0.1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('%s counts as %s', (address, client) => {
    expect(clientOf(address)).toBe(client);
  });
});
