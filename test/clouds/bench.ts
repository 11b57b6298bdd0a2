import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Driver, DriverContext } from '../../src/drivers/driver.ts';
import { openJournal, type Resource } from '../../src/drivers/journal.ts';
import { resolveOptions } from '../../src/drivers/option-values.ts';
import type { OptionValues } from '../../src/drivers/options.ts';
import type { DriverWorld } from '../conformance/driver.ts';
import { fastClock } from './fast-clock.ts';

/** Where a test cuts a process off. */
export interface Cut {
  /** The journal's n-th write is lost, and all that follow (1: the first). */
  readonly atSave?: number;
  /** The n-th change is made, but the process never learns (1: the first). */
  readonly atChange?: number;
}

/** What a machine's driver is opened with beside the world. */
export interface OpenOptions {
  readonly cut?: Cut;
  readonly options?: OptionValues;
  readonly ports?: readonly number[];
  readonly udpPorts?: readonly number[];
  readonly sources?: DriverContext['sources'];
  readonly change?: DriverContext['change'];
}

/** One machine of a cloud test: what the store keeps of it, and its drivers, as later processes would open them. */
export class CloudBench {
  readonly said: string[] = [];
  kept: readonly Resource[] = [];
  readonly folder: string;
  readonly #world: DriverWorld;
  readonly #drivers: Driver[] = [];
  #tokens = 0;

  private constructor(world: DriverWorld, folder: string) {
    this.#world = world;
    this.folder = folder;
  }

  static async open(world: DriverWorld): Promise<CloudBench> {
    return new CloudBench(world, await mkdtemp(join(tmpdir(), 'cloud-')));
  }

  driver({ cut = {}, options = {}, ports = [22, 2376], udpPorts = [], sources, change }: OpenOptions = {}): Driver {
    const { driver, env, name = 'bee-1' } = this.#world;
    const journal = this.#journal(cut);
    const opened = driver.open({
      name,
      id: 'm4ch1ne',
      options: resolveOptions(driver.name, driver.options, { ...this.#world.options, ...options }, env),
      env,
      tags: { 'enxame-machine': name, 'enxame-id': 'm4ch1ne' },
      ports,
      udpPorts,
      sources,
      directory: this.folder,
      journal,
      report: (text) => this.said.push(text),
      change: change ?? this.#change(cut),
      lookup: (read) => read(),
      clock: this.#world.clock ?? fastClock(200),
    });
    this.#drivers.push(opened);
    return opened;
  }

  async close(): Promise<void> {
    for (const driver of this.#drivers) await driver.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #journal({ atSave = Number.POSITIVE_INFINITY }: Cut): DriverContext['journal'] {
    let saves = 0;
    const save = async (resources: readonly Resource[]): Promise<void> => {
      saves += 1;
      if (saves >= atSave) throw new Error('process lost');
      this.kept = resources;
    };
    return openJournal({ load: () => this.kept, save }, () => {
      this.#tokens += 1;
      return `token${this.#tokens}`;
    });
  }

  #change({ atChange }: Cut): DriverContext['change'] {
    let changes = 0;
    let isLost = false;
    return async (_call, make) => {
      if (isLost) throw new Error('process lost');
      const made = await make();
      changes += 1;
      isLost = changes === atChange;
      if (isLost) throw new Error('process lost');
      return made;
    };
  }
}
