import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/common/clock.ts';
import type { Driver, DriverContext, DriverModule, ProviderCall } from '../../src/drivers/driver.ts';
import { type JournalStorage, openJournal, type Resource } from '../../src/drivers/journal.ts';
import { resolveOptions, storable } from '../../src/drivers/option-values.ts';
import type { OptionValues } from '../../src/drivers/options.ts';

/** A provider for the tests of one driver. */
export interface DriverWorld {
  readonly driver: DriverModule;
  /** Options as flags give them. */
  readonly options: OptionValues;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name a machine gets; default `conformance`. */
  readonly name?: string;
  /** Names of everything that exists at the provider. Absent: it makes nothing. */
  readonly existing?: () => Promise<readonly string[]>;
  /** An environment with credentials that are wrong; absent: it needs none. */
  readonly wrongCredentials?: Readonly<Record<string, string>>;
  /** The driver's time, for providers that are waited for in minutes; default the real one. */
  readonly clock?: Clock;
  /** Starting and stopping do not apply (`none`). */
  readonly isFixed?: boolean;
  close(): Promise<void>;
}

const signal = new AbortController().signal;

/** What every driver promises, run against the worlds `open` makes. */
export function testDriver(name: string, open: () => Promise<DriverWorld>): void {
  describe(`driver ${name}`, () => {
    const closers: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closers.splice(0).reverse()) await close();
    });
    const begin = async (): Promise<Bench> => {
      const world = await open();
      closers.push(() => world.close());
      const folder = await mkdtemp(join(tmpdir(), 'driver-'));
      closers.push(() => rm(folder, { recursive: true, force: true }));
      const bench = new Bench(world, folder);
      closers.push(() => bench.close());
      return bench;
    };

    it('declares itself and its options', async () => {
      const { driver } = (await begin()).world;
      expect(driver.name).toBe(name);
      expect(driver.summary).toMatch(/^\S.*[^.]$/);
      for (const option of driver.options) {
        expect(option.flag).toMatch(/^[a-z][a-z0-9-]*$/);
        expect(option.help, option.flag).toMatch(/^\S.*[^.]$/);
      }
      expect(new Set(driver.options.map(({ flag }) => flag)).size).toBe(driver.options.length);
    });

    it('makes a machine that runs and has an address', async () => {
      const bench = await begin();
      const driver = await bench.created();
      expect(bench.world.isFixed ? ['', 'Running'] : ['Running']).toContain(await driver.state(signal));
      expect(await driver.ip(signal)).toMatch(/^[\w.:-]+$/);
      expect(await driver.url(signal)).toMatch(/^(tcp|ssh|unix|https?):\/\//);
      for (const [label, value] of Object.entries(await driver.labels(signal))) {
        expect(label).toMatch(/^[a-z][a-z.-]*$/);
        expect(value).not.toBe('');
      }
    });

    it('makes nothing twice', async () => {
      const bench = await begin();
      await bench.created();
      const before = await bench.world.existing?.();
      // A later process knows what the store knows, and not more.
      const later = bench.driver();
      await later.create(signal);
      expect(await bench.world.existing?.()).toEqual(before);
    });

    it('leaves nothing, whatever is removed and how often', async () => {
      const bench = await begin();
      const before = await bench.world.existing?.();
      await bench.driver().remove(signal);
      const driver = await bench.created();
      await driver.remove(signal);
      await driver.remove(signal);
      expect(await bench.world.existing?.()).toEqual(before);
      expect(bench.kept).toEqual([]);
    });

    it('starts, stops and is killed, again and again', async () => {
      const bench = await begin();
      if (bench.world.isFixed) return;
      const driver = await bench.created();
      await driver.start(signal);
      await driver.stop(signal);
      await driver.stop(signal);
      expect(await driver.state(signal)).toBe('Stopped');
      await driver.start(signal);
      expect(await driver.state(signal)).toMatch(/Running|Starting/);
      await driver.restart(signal);
      await driver.kill(signal);
      expect(await driver.state(signal)).toBe('Stopped');
      await driver.kill(signal);
    });

    it('says so when the provider has no such machine', async () => {
      const bench = await begin();
      if (bench.world.isFixed) return;
      await expect(bench.driver().state(signal)).rejects.toMatchObject({ code: 'MACHINE_GONE' });
    });

    it('changes nothing in a dry run and says what it would do', async () => {
      const bench = await begin();
      const before = await bench.world.existing?.();
      const calls: ProviderCall[] = [];
      const record: DriverContext['change'] = (call, _make, planned) => {
        calls.push(call);
        return Promise.resolve(planned);
      };
      const dry = bench.driver(record, bench.world.env, true);
      await dry.create(signal);
      expect(await bench.world.existing?.()).toEqual(before);
      if (bench.world.existing !== undefined) expect(calls).not.toEqual([]);
    });

    it.each(['is refused', 'is made but its answer is lost'] as const)(
      'orphans nothing when a change %s, whichever',
      async (failure) => {
        const bench = await begin();
        const { existing } = bench.world;
        if (existing === undefined) return;
        const before = await existing();
        const changes = await bench.countChanges();
        for (let at = 1; at <= changes; at += 1) {
          const failing = bench.driver(failingAt(at, failure));
          await expect(failing.create(signal), `change ${at} ${failure}`).rejects.toThrow('injected');
          await bench.driver().remove(signal);
          expect(await existing(), `after change ${at} ${failure}`).toEqual(before);
          expect(bench.kept).toEqual([]);
        }
      },
    );

    it.each(['is refused', 'is made but its answer is lost'] as const)(
      'goes on after a change %s, without making anything twice',
      async (failure) => {
        const bench = await begin();
        const { existing } = bench.world;
        if (existing === undefined) return;
        await (await bench.created()).remove(signal);
        const changes = await bench.countChanges();
        const whole = await bench.existingAfter();
        for (let at = 1; at <= changes; at += 1) {
          await expect(bench.driver(failingAt(at, failure)).create(signal)).rejects.toThrow('injected');
          const driver = await bench.created();
          expect((await existing()).length, `after change ${at} ${failure}`).toBe(whole);
          await driver.remove(signal);
        }
      },
    );

    it('finds out before anything is made that credentials are wrong', async () => {
      const bench = await begin();
      const { wrongCredentials, existing } = bench.world;
      if (wrongCredentials === undefined) return;
      const before = await existing?.();
      const driver = bench.driver(undefined, { ...bench.world.env, ...wrongCredentials });
      await expect(driver.check(signal)).rejects.toThrow(/^[^\n]{20,}$/);
      expect(await existing?.()).toEqual(before);
    });

    it('stores no credential', async () => {
      const { world } = await begin();
      const values = resolveOptions(world.driver.name, world.driver.options, world.options, world.env);
      const stored = storable(world.driver.options, values, false);
      for (const { flag, isSecret } of world.driver.options) if (isSecret) expect(stored).not.toHaveProperty(flag);
    });

    it('ends when told to', async () => {
      const bench = await begin();
      if (bench.world.existing === undefined) return;
      const stopped = AbortSignal.abort(new Error('told to stop'));
      await expect(bench.driver().create(stopped)).rejects.toThrow();
      await bench.driver().remove(signal);
      expect(bench.kept).toEqual([]);
    });
  });
}

/** Changes of which the n-th fails: before it is made or after. */
function failingAt(n: number, failure: 'is refused' | 'is made but its answer is lost'): DriverContext['change'] {
  let count = 0;
  return async (_call, make) => {
    count += 1;
    if (count !== n) return await make();
    if (failure === 'is made but its answer is lost') await make();
    throw new Error('injected');
  };
}

/** One machine's place: what the store would keep, and drivers over it. */
class Bench {
  readonly world: DriverWorld;
  readonly #folder: string;
  readonly #drivers: Driver[] = [];
  readonly #tokens = { next: 0, run: Date.now().toString(36) };
  kept: readonly Resource[] = [];

  constructor(world: DriverWorld, folder: string) {
    this.world = world;
    this.#folder = folder;
  }

  /** A driver as a new process would open it. */
  driver(change?: DriverContext['change'], env: DriverWorld['env'] = this.world.env, isDry = false): Driver {
    const { driver, options, name = 'conformance' } = this.world;
    const storage: JournalStorage = {
      load: () => this.kept,
      save: async (resources) => {
        if (!isDry) this.kept = resources;
      },
    };
    const opened = driver.open({
      name,
      id: `id${this.#tokens.run}`,
      options: resolveOptions(driver.name, driver.options, options, env),
      env,
      tags: { 'enxame-machine': name, 'enxame-id': `id${this.#tokens.run}` },
      ports: [22, 2376],
      udpPorts: [],
      directory: this.#folder,
      journal: openJournal(storage, () => `t${this.#tokens.run}${this.#tokens.next++}`),
      report: () => undefined,
      change: change ?? ((_call, make) => make()),
      lookup: isDry ? (_read, planned) => Promise.resolve(planned) : (read) => read(),
      clock: this.world.clock ?? systemClock,
    });
    this.#drivers.push(opened);
    return opened;
  }

  /** The driver of a machine that was made and is running. */
  async created(): Promise<Driver> {
    const driver = this.driver();
    await driver.check(signal);
    await driver.create(signal);
    expect(this.kept.every(({ id }) => id !== undefined)).toBe(true);
    const deadline = Date.now() + 60_000;
    while (!this.world.isFixed && (await driver.state(signal)) !== 'Running') {
      if (Date.now() > deadline) throw new Error('the machine does not run');
      await systemClock.sleep(20, signal);
    }
    return driver;
  }

  /** How many changes at the provider a create makes; it is removed again. */
  async countChanges(): Promise<number> {
    let changes = 0;
    const driver = this.driver((_call, make) => {
      changes += 1;
      return make();
    });
    await driver.create(signal);
    const made = changes;
    await driver.remove(signal);
    expect(made).toBeGreaterThan(0);
    return made;
  }

  /** How many things exist when a machine was made without trouble; it is removed again. */
  async existingAfter(): Promise<number> {
    const driver = await this.created();
    const count = (await this.world.existing?.())?.length ?? 0;
    await driver.remove(signal);
    return count;
  }

  async close(): Promise<void> {
    await this.driver().remove(signal);
    for (const driver of this.#drivers) await driver.close();
  }
}
