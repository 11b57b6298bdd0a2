import { describe, expect, it } from 'vitest';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { priceOf } from './price.ts';
import type { ListedPrice, PriceList } from './price-list.ts';
import { Prices } from './prices.ts';

const deps = (records: RecordStore) => ({ records, clock: systemClock, logger: silentLogger() });

/** A list of as many types as a region of AWS has, with spot prices of three zones. */
function large(region: string): PriceList {
  const machines = Array.from({ length: 4_000 }, (_, index): ListedPrice => {
    const zone = index % 4 === 0 ? {} : { zone: `${region}${'abc'[(index % 4) - 1]}` };
    const price = priceOf('hour', 1_000_000 + index * 137, 'USD');
    return { region, ...zone, instanceType: `m7i.${Math.floor(index / 4)}xlarge`, isSpot: index % 4 !== 0, ...price };
  });
  return { provider: 'amazonec2', asOf: '2026-11-20T08:00:00Z', regions: [region], machines, egress: [] };
}

describe('what a manager keeps of prices', () => {
  it('is there after a start, a list for each provider and region, the newest only', async () => {
    const records = memoryRecords().records;
    const first = await Prices.open(deps(records));
    await first.put({ ...large('eu-west-1'), asOf: '2026-10-01T00:00:00Z' });
    await first.put(large('eu-west-1'));
    await first.put(large('us-east-1'));
    await first.close();
    const second = await Prices.open(deps(records));
    expect((await second.book()).data.lists).toEqual([large('eu-west-1'), large('us-east-1')]);
    await second.remove('amazonec2');
    expect((await second.book()).data.lists).toEqual([]);
  });

  it('fits into the smallest of the shared stores, 512 KiB', async () => {
    const records = memoryRecords().records;
    await (await Prices.open(deps(records))).put(large('eu-west-1'));
    const sizes: number[] = [];
    await records.snapshot(({ value }) => sizes.push(value.length));
    expect(sizes).toHaveLength(1);
    expect(sizes[0]).toBeLessThan(256 * 1024);
  });

  it('is bounded', async () => {
    const prices = await Prices.open(deps(memoryRecords().records));
    const small = { ...large('r'), machines: [] };
    for (let index = 0; index < 200; index += 1) await prices.put({ ...small, regions: [`r${index}`] });
    await expect(prices.put({ ...small, regions: ['one-more'] })).rejects.toThrow('there are 200 price lists already');
    await prices.put({ ...small, regions: ['r0'] });
  });

  it('has no list from a day to come, which would count before all later ones', async () => {
    const prices = await Prices.open(deps(memoryRecords().records));
    const asOf = new Date(systemClock.now() + 24 * 60 * 60 * 1000).toISOString();
    await expect(prices.put({ ...large('r'), asOf })).rejects.toThrow('which has not come yet: check the clocks');
  });

  it('takes no pipes and devices for price files: they would be waited for', async () => {
    const files = ['/dev/zero'];
    await expect(Prices.open(deps(memoryRecords().records), { files, rates: [] })).rejects.toThrow(
      'the price file /dev/zero is none',
    );
  });

  it('leaves alone what another version wrote', async () => {
    const records = memoryRecords().records;
    await records.write([{ key: 'hetzner', value: 'of a later version' }]);
    const prices = await Prices.open(deps(records));
    expect((await prices.book()).data.lists).toEqual([]);
    expect((await records.get('hetzner'))?.value).toBe('of a later version');
  });
});
