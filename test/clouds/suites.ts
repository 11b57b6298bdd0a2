import { testDriver } from '../conformance/driver.ts';
import { CloudBench } from './bench.ts';
import { type CrashWorld, testCrashes } from './crashes.ts';
import { testDryRun } from './dry-run.ts';
import { fastClock } from './fast-clock.ts';

/** A provider's cloud, simulated by a server that speaks its API. */
export interface SimulatedCloud {
  readonly url: string;
  readonly state: { readonly existing: () => readonly string[] };
  readonly loseAnswerAt: (change: number) => void;
  readonly close: () => Promise<void>;
}

/** How a driver is told where the simulated cloud is, and who it is there. */
export type Account = Pick<CrashWorld, 'options' | 'env' | 'wrongCredentials'>;

/** A driver beside the simulated cloud of its provider. */
export interface CloudCase<Cloud extends SimulatedCloud> {
  readonly driver: CrashWorld['driver'];
  readonly start: () => Promise<Cloud>;
  /** A cloud that shows changes late. */
  readonly startSlow: () => Promise<Cloud>;
  readonly account: (cloud: Cloud) => Account;
  /** How many journal writes and changes a creation has at most. */
  readonly steps: number;
  /** What a dry run of a creation lists, in this order. */
  readonly dryRun: readonly RegExp[];
}

/** What tests of one driver's own need. */
export interface CloudTools<Cloud extends SimulatedCloud> {
  worldOf(cloud: Cloud): CrashWorld;
  /** Work against a cloud of its own. */
  withCloud(work: (cloud: Cloud, bench: CloudBench) => Promise<void>, start?: () => Promise<Cloud>): Promise<void>;
}

/** Runs what holds for every driver of a cloud: conformance, processes lost at any moment, dry runs. */
export function testCloud<Cloud extends SimulatedCloud>(name: string, the: CloudCase<Cloud>): CloudTools<Cloud> {
  const worldOf = (cloud: Cloud): CrashWorld => ({
    ...the.account(cloud),
    driver: the.driver,
    clock: fastClock(200),
    existing: async () => cloud.state.existing(),
    loseAnswerAt: cloud.loseAnswerAt,
    close: cloud.close,
  });
  const slow = async (): Promise<CrashWorld> => worldOf(await the.startSlow());
  testDriver(name, slow);
  testCrashes(name, the.steps, slow);
  testDryRun(name, the.dryRun, async () => worldOf(await the.start()));
  return {
    worldOf,
    async withCloud(work, start = the.start) {
      const cloud = await start();
      const bench = await CloudBench.open(worldOf(cloud));
      try {
        await work(cloud, bench);
      } finally {
        await bench.close();
        await cloud.close();
      }
    },
  };
}
