import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../src/common/clock.ts';
import { systemClock } from '../../src/common/clock.ts';
import type { PriceSource } from '../../src/price-lists/price-source.ts';
import { type ReadOptions, readList } from '../../src/price-lists/sources.ts';
import { WEB_LIMITS } from '../../src/price-lists/web.ts';
import { readPriceList } from '../../src/prices/list-shape.ts';
import { exactAmount } from '../../src/prices/money.ts';
import type { PriceList } from '../../src/prices/price-list.ts';
import type { ListServer } from '../price-lists/list-server.ts';

/** A provider whose published list is known. */
export interface PriceWorld {
  readonly server: ListServer;
  readonly env?: Readonly<Record<string, string>>;
  readonly regions: readonly string[];
  /** Lines of {@link machineLines}, sorted. */
  readonly machines: readonly string[];
  /** `region scope 0.09 USD`, sorted. */
  readonly egress?: readonly string[];
  /** What is said of entries without a price. */
  readonly gaps?: RegExp;
  /** Without these credentials there is nothing to read. */
  readonly withoutCredentials?: Readonly<Record<string, string>>;
  /** Whether the list is comma-separated values, not JSON. */
  readonly isCsv?: boolean;
  readonly close?: () => Promise<void>;
}

/** `region[/zone] type[ spot] 0.0056/h 3.49/month EUR` of each machine. */
export function machineLines({ machines }: Pick<PriceList, 'machines'>): readonly string[] {
  return machines
    .map(({ region, zone, instanceType, isSpot, nanosPerHour, nanosPerMonth, currency }) => {
      const where = zone === undefined ? region : `${region}/${zone}`;
      const what = `${instanceType}${isSpot ? ' spot' : ''}`;
      return `${where} ${what} ${exactAmount(nanosPerHour)}/h ${exactAmount(nanosPerMonth)}/month ${currency}`;
    })
    .sort();
}

/** A clock on which pauses take no time, and what they were. */
export function pausingClock(): Clock & { readonly pauses: number[] } {
  const pauses: number[] = [];
  return {
    ...systemClock,
    pauses,
    sleep: async (ms, signal) => {
      signal?.throwIfAborted();
      pauses.push(ms);
    },
  };
}

/** What every source of prices has to do, against a server that publishes its format. */
export function testPriceSource(source: PriceSource, start: () => Promise<PriceWorld>): void {
  describe(`prices of ${source.provider}`, () => {
    let world: PriceWorld;
    let notes: string[];
    const none = new AbortController().signal;

    beforeEach(async () => {
      world = await start();
      notes = [];
    });
    afterEach(async () => {
      await world.close?.();
      await world.server.close();
    });

    const read = (more: Partial<ReadOptions> = {}): Promise<PriceList> =>
      readList(source, {
        env: { HOME: '/nonexistent', ...world.env },
        clock: pausingClock(),
        signal: none,
        url: world.server.url,
        regions: world.regions,
        note: (text) => notes.push(text),
        ...more,
      });

    it('are read as published, by their regions, from compressed answers', async () => {
      const before = Date.now();
      const list = await read();
      expect(machineLines(list)).toEqual(world.machines);
      const egress = list.egress.map(
        (each) =>
          `${each.region} ${each.to} ${each.toRegion ? `${each.toRegion} ` : ''}${exactAmount(each.nanosPerGb)} ${each.currency}`,
      );
      expect(egress.sort()).toEqual(world.egress ?? []);
      expect(list.provider).toBe(source.provider);
      expect(Date.parse(list.asOf)).toBeGreaterThanOrEqual(before);
      expect(list.regions).toEqual(source.covers === 'all' ? undefined : world.regions);
      expect(world.server.compressed()).toBeGreaterThan(0);
    });

    it('are a list that a manager takes', async () => {
      const list = await read();
      expect(readPriceList(JSON.parse(JSON.stringify(list)))).toEqual(list);
    });

    it('leave out what has no price, and say so', async () => {
      await read();
      if (world.gaps) expect(notes.join('\n')).toMatch(world.gaps);
      expect(notes.join('\n')).not.toMatch(/undefined|NaN/);
    });

    it('wait as long as the provider asks', async () => {
      const clock = pausingClock();
      world.server.trouble('throttled', 2, '7');
      expect(machineLines(await read({ clock }))).toEqual(world.machines);
      expect(clock.pauses).toEqual([7_000, 7_000]);
    });

    it('are read again when the provider is away for a moment, and when it breaks off', async () => {
      world.server.trouble('down', 2);
      expect(machineLines(await read())).toEqual(world.machines);
      world.server.trouble('cut', 1);
      expect(machineLines(await read())).toEqual(world.machines);
    });

    it.each([
      ['down', /answers 503: try again later/],
      ['throttled', /asks to slow down/],
    ] as const)('fail in bounded time when the provider stays %s', async (kind, message) => {
      const clock = pausingClock();
      world.server.trouble(kind, 1_000, '100000');
      await expect(read({ clock })).rejects.toThrow(message);
      expect(world.server.requests.length).toBeLessThan(10);
      expect(Math.max(...clock.pauses)).toBeLessThanOrEqual(120_000);
    });

    it('fail when nobody answers', async () => {
      await expect(read({ url: 'http://127.0.0.1:1' })).rejects.toThrow(/does not answer: .*Check the network/);
    });

    it.each(['html', 'other-json'] as const)('are not taken from %s', async (kind) => {
      world.server.trouble(kind, 1_000);
      const error = await read().catch((thrown: unknown) => thrown);
      expect((error as Error).message).toMatch(
        kind === 'html' && !world.isCsv ? /does not answer JSON/ : /no price list: it has no "/,
      );
      expect((error as Error).message).not.toContain('\n');
    });

    it('are bounded', async () => {
      world.server.trouble('endless', 1_000);
      const limits = { ...WEB_LIMITS, maxJsonBytes: 1_000_000, maxLinesBytes: 1_000_000 };
      await expect(read({ limits })).rejects.toThrow(/is larger than 1 MiB/);
    });

    it('are given up when they are not wanted any more', async () => {
      const abort = new AbortController();
      const clock = pausingClock();
      world.server.trouble('down', 1_000);
      clock.pauses.push = (ms) => {
        abort.abort(new Error('enough'));
        return ms;
      };
      await expect(read({ clock, signal: abort.signal })).rejects.toThrow('enough');
    });

    it('need their credentials', async () => {
      if (!world.withoutCredentials) return;
      const error = await read({ env: { HOME: '/nonexistent', ...world.withoutCredentials } }).catch(
        (thrown) => thrown,
      );
      expect(error).toMatchObject({ code: 'BAD_CREDENTIALS', message: expect.stringContaining(source.title) });
      const wrong = Object.fromEntries(Object.keys(world.env ?? {}).map((name) => [name, 'wrong']));
      await expect(read({ env: { HOME: '/nonexistent', ...wrong } })).rejects.toThrow(
        /refuses the credentials \(401\)/,
      );
    });
  });
}
