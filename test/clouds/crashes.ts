import { describe, expect, it } from 'vitest';
import type { DriverWorld } from '../conformance/driver.ts';
import { CloudBench, type Cut } from './bench.ts';

const signal = new AbortController().signal;

/** A world whose provider can lose answers. */
export interface CrashWorld extends DriverWorld {
  readonly existing: () => Promise<readonly string[]>;
  readonly loseAnswerAt: (change: number) => void;
}

/**
 * Whatever moment a process is lost at, during create or rm: a later create goes on to one machine, a later rm leaves nothing.
 * `steps`: how many journal writes and changes to try; those beyond the last are no cuts.
 */
export function testCrashes(name: string, steps: number, open: () => Promise<CrashWorld>): void {
  const numbers = Array.from({ length: steps }, (_, at) => at + 1);
  const cuts: Cut[] = numbers.flatMap((at) => [{ atSave: at }, { atChange: at }]);

  const within = async (work: (bench: CloudBench, world: CrashWorld) => Promise<void>): Promise<void> => {
    const world = await open();
    const bench = await CloudBench.open(world);
    const before = await world.existing();
    try {
      await work(bench, world);
      await bench.driver().remove(signal);
      expect(await world.existing()).toEqual(before);
      expect(bench.kept).toEqual([]);
    } finally {
      await bench.close();
      await world.close();
    }
  };

  describe(`${name}: a process lost`, () => {
    it.each(cuts)('while creating (%o), then removed', async (cut) => {
      await within(async (bench) => {
        await bench.driver({ cut }).create(signal).catch(lost);
      });
    });

    it.each(cuts)('while creating (%o), then created', async (cut) => {
      await within(async (bench, world) => {
        await bench.driver({ cut }).create(signal).catch(lost);
        const later = bench.driver();
        await later.create(signal);
        await expect.poll(() => later.state(signal), { timeout: 5_000 }).toBe('Running');
        const once = await world.existing();
        await bench.driver().create(signal);
        expect(await world.existing()).toEqual(once);
      });
    });

    it.each(cuts)('while removing (%o), then removed', async (cut) => {
      await within(async (bench) => {
        await bench.driver().create(signal);
        await bench.driver({ cut }).remove(signal).catch(lost);
      });
    });

    it.each(numbers)('no process, but the answer to change %i', async (at) => {
      await within(async (bench, world) => {
        world.loseAnswerAt(at);
        await bench
          .driver()
          .create(signal)
          .catch(() => undefined);
        world.loseAnswerAt(0);
        await bench.driver().create(signal);
      });
    });
  });
}

function lost(error: unknown): void {
  expect(String(error)).toMatch(/process lost/);
}
