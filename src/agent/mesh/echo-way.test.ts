import { describe, expect, it } from 'vitest';
import { EchoWay } from './echo-way.ts';

/** Sends packets over a network that carries so many bytes; resolves with the largest that was sent last. */
function travel(way: EchoWay, carries: number, packets = 200): void {
  for (let sent = 0; sent < packets; sent += 1) {
    const size = way.next();
    way.count(size !== undefined, (size ?? 40) <= carries ? 1 : undefined);
  }
}

describe('the size of packets', () => {
  it.each([
    [1_500, undefined],
    [1_280, undefined],
    [1_279, 1_232],
    [1_232, 1_232],
    [1_100, 1_100],
    [600, 512],
  ])('is found for a network that carries %i bytes: %s', (carries, fits) => {
    const way = new EchoWay(1_280);
    travel(way, carries);
    expect(way.fits).toBe(fits);
    expect(way.report('10.231.0.2')).toMatchObject({ lost: 0, missed: 0, isNarrow: false, latencyMs: 1 });
    expect(way.report('10.231.0.2')?.mtu).toBe(fits);
  });

  it('is too small to be of use where nothing large arrives', () => {
    const way = new EchoWay(1_280);
    travel(way, 100);
    expect(way.fits).toBeUndefined();
    expect(way.report('10.231.0.2')).toMatchObject({ isNarrow: true });
  });

  it('becomes smaller where the network does, and is not changed by a network that is away', () => {
    const way = new EchoWay(1_280);
    travel(way, 1_250);
    expect(way.fits).toBe(1_232);
    travel(way, 0);
    expect(way.fits).toBe(1_232);
    travel(way, 1_110);
    expect(way.fits).toBe(1_100);
  });

  it('is taken over from before', () => {
    const way = new EchoWay(1_280, 1_100);
    travel(way, 1_110);
    expect(way.fits).toBe(1_100);
  });
});
