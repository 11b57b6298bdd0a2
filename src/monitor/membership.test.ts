import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { ListBackend } from '../../test/fakes/list-backend.ts';
import { Cluster } from '../cluster/cluster.ts';
import { DiscoveryError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import type { DiscoveryBackend } from '../discovery/backend.ts';
import type { Entry } from '../discovery/entry.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import { Accounting } from './accounting.ts';
import { Membership } from './membership.ts';
import type { ReturnGate } from './return-gate.ts';
import { DEFAULT_TIMES } from './times.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  held.clear();
  for (const close of closing.splice(0).reverse()) await close();
});

/** Whose engines are held up on their way into the cluster for as long as they are followed. */
const held = new Set<string>();
const gate: ReturnGate = {
  reached: ({ entry }, signal) =>
    held.has(entry)
      ? new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
      : Promise.resolve(),
  listed: () => Promise.resolve(),
};

interface World {
  readonly membership: Membership;
  readonly cluster: Cluster;
  readonly clock: FakeClock;
  hasTried: boolean;
}

function follow(backend: DiscoveryBackend): World {
  const clock = new FakeClock();
  const accounting = new Accounting(clock);
  const cluster = new Cluster({ clock, logger: silentLogger(), accounting });
  const connect = (entry: Entry) => connectorFor(entry, {});
  const deps = { cluster, accounting, backend, connect, clock, logger: silentLogger() };
  const membership = new Membership(deps, DEFAULT_TIMES);
  membership.guard(gate);
  closing.push(() => membership.close());
  const world = { membership, cluster, clock, hasTried: false };
  void membership.tried.then(() => {
    world.hasTried = true;
  });
  membership.start();
  return world;
}

async function engine({ name = 'bee', isHeld = false } = {}): Promise<FakeEngine> {
  const started = await FakeEngine.start({ name });
  if (isHeld) held.add(started.address);
  closing.push(() => started.close());
  return started;
}

test('every node was tried when each has answered or could not be reached', async () => {
  const there = await engine();
  const away = await engine();
  await away.close();
  const { membership, cluster } = follow(new ListBackend([there.address, away.address]));
  await membership.tried;
  expect(cluster.nodes.map(({ entry, state }) => [entry, state])).toEqual([
    [there.address, 'Healthy'],
    [away.address, 'Pending'],
  ]);
});

test('a node that takes its time is waited for, also when answers no longer are', async () => {
  const engines = [await engine({ isHeld: true }), await engine({ name: 'wasp' })];
  const world = follow(new ListBackend(engines.map(({ address }) => address)));
  await expect.poll(() => world.cluster.nodes.some(({ isHealthy }) => isHealthy), { timeout: 60_000 }).toBe(true);
  world.clock.advance(5_000);
  await world.membership.settling;
  await nextTurn();
  expect(world.hasTried).toBe(false);
});

test('a node that left untried is not waited for', async () => {
  const backend = new ListBackend([(await engine({ isHeld: true })).address]);
  const world = follow(backend);
  await expect.poll(() => world.cluster.nodes.length, { timeout: 60_000 }).toBe(1);
  expect(world.hasTried).toBe(false);
  backend.set([]);
  await world.membership.tried;
});

test('without nodes there is nothing to try', async () => {
  await follow(new ListBackend([])).membership.tried;
});

test('nothing was tried while discovery does not answer, until the end', async () => {
  const failing: DiscoveryBackend = {
    name: 'failing',
    entries: () => Promise.reject(new DiscoveryError('it is away')),
    watch: async function* (signal) {
      yield { error: new DiscoveryError('it is away') };
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    },
    close: async () => undefined,
  };
  const world = follow(failing);
  await expect.poll(() => world.membership.problem, { timeout: 60_000 }).toBe('it is away');
  world.clock.advance(5_000);
  await world.membership.settling;
  await nextTurn();
  expect(world.hasTried).toBe(false);
  await world.membership.close();
  await world.membership.tried;
});
