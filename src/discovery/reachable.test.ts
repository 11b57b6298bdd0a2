import { describe, expect, it } from 'vitest';
import { reachableLookup } from './reachable.ts';

function looked(host: string, loopback: boolean, all: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    reachableLookup({ loopback })(host, { all }, (error, address) => resolve(error?.message ?? address));
  });
}

describe('reachableLookup', () => {
  it.each([true, false])('refuses names that stand for this host (all: %s)', async (all) => {
    expect(await looked('localhost', false, all)).toBe(
      'localhost is not a host others can reach: it stands for this host',
    );
  });

  it('resolves them where the token service is on this host too', async () => {
    expect(await looked('localhost', true, false)).toMatch(/^(127\.0\.0\.1|::1)$/);
    expect(await looked('localhost', true, true)).toEqual(
      expect.arrayContaining([expect.objectContaining({ family: expect.any(Number) })]),
    );
  });
});
