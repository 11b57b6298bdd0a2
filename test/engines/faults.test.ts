import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/common/clock.ts';
import { retry } from '../../src/common/retry.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { violations } from '../faults/invariants.ts';
import type { FaultStore } from '../faults/managers.ts';
import { Oracle } from '../faults/oracle.ts';
import { SeededRandom } from '../faults/random.ts';
import type { Scene } from '../faults/scene.ts';
import { chooseStep } from '../faults/steps.ts';
import { World } from '../faults/world.ts';
import { startEtcd } from '../stores/etcd-servers.ts';
import { startZooKeeper } from '../stores/zookeeper-servers.ts';

/**
 * Clients, failing nodes and a dying manager at random, on real engines; after each step everything that clients were promised must come to hold.
 * `ENXAME_FAULTS_SEED` repeats a run, `ENXAME_FAULTS_MINUTES` makes it longer. With `ENXAME_FAULTS_MANAGERS=3` three managers share an etcd of three, or
 * a ZooKeeper (`ENXAME_FAULTS_STORE=zk`): clients ask any of them; managers and servers of the store are killed and suspended too, and managers cut off from the store.
 */
const SEED = Number(process.env.ENXAME_FAULTS_SEED ?? 20_261_130);
const MINUTES = Number(process.env.ENXAME_FAULTS_MINUTES ?? 2);
const MANAGERS = Number(process.env.ENXAME_FAULTS_MANAGERS ?? 1);
const STORE = process.env.ENXAME_FAULTS_STORE ?? 'etcd';
/** How long the cluster may take to come to rest after a step before it counts as broken, in milliseconds. */
const PATIENCE_MS = 240_000;

let lab: Lab;
let store: FaultStore | undefined;

beforeAll(async () => {
  [lab, store] = await Promise.all([
    startLab({ tls: false, nodes: ['one', 'two', 'three'].map((name) => ({ name })) }),
    MANAGERS > 1 ? startStore() : undefined,
  ]);
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
});

afterAll(async () => {
  await store?.close();
  await lab?.close();
});

async function startStore(): Promise<FaultStore> {
  if (STORE === 'zk') return { ...(await startZooKeeper(3)), scheme: 'zk' };
  return { ...(await startEtcd(3)), scheme: 'etcd' };
}

test(
  `what clients were promised holds through faults (seed ${SEED})`,
  async () => {
    const scene: Scene = {
      world: await World.over(lab, { count: MANAGERS, store, seed: SEED }),
      oracle: new Oracle(lab.nodes.map(({ name }) => name)),
      random: new SeededRandom(SEED),
    };
    const done: string[] = [];
    const endMs = systemClock.now() + MINUTES * 60_000;
    try {
      while (systemClock.now() < endMs) {
        done.push(await made(scene, done));
        expect(await comesToRest(scene), story(done, scene)).toEqual([]);
      }
      await scene.world.mendAll();
      expect(await comesToRest(scene), story(done, scene)).toEqual([]);
    } finally {
      await scene.world.managers.close();
    }
    console.log(`${done.length} steps, seed ${SEED}, ${MANAGERS} manager(s)`);
  },
  MINUTES * 60_000 + 3 * PATIENCE_MS + 600_000,
);

/** Makes a step; what it fails with is told with all that was done before. */
async function made(scene: Scene, done: readonly string[]): Promise<string> {
  const { name, run } = chooseStep(scene);
  try {
    return `${name}: ${await run(scene)}`;
  } catch (error) {
    throw new Error(`${name} failed: ${error}\n${story(done, scene)}`, { cause: error });
  }
}

/** What is still wrong when patience ends. */
async function comesToRest(scene: Scene): Promise<readonly string[]> {
  return await retry(systemClock, () => violations(scene), {
    backoff: 250,
    until: (wrong) => wrong.length === 0,
    deadline: systemClock.now() + PATIENCE_MS,
  });
}

function story(done: readonly string[], { world }: Scene): string {
  const steps = done.map((each, i) => `${i + 1}. ${each}`).join('\n');
  return `seed ${SEED}, after the steps\n${steps}\n--- the managers said ---\n${world.log.slice(-6_000 * MANAGERS)}`;
}
