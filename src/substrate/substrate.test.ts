import { expect, test } from 'vitest';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import { Substrate, type SubstrateOptions } from './substrate.ts';
import type { KnownSubstrate, SubstrateMember } from './types.ts';

/** A substrate over one engine, the only manager of our swarm, that counts how often it is asked. */
class World {
  asked = 0;
  /** What the managers list of the engine. */
  state = 'ready';
  /** What is remembered when a run begins. */
  readonly loads: KnownSubstrate[] = [];
  readonly substrate: Substrate;

  constructor(options: SubstrateOptions) {
    const json = async ({ path }: { path: string }): Promise<unknown> => {
      this.asked += 1;
      const Cluster = { ID: 's1', Spec: { Labels: { 'io.enxame.cluster': 'c1' } } };
      if (path === '/info')
        return { Swarm: { NodeID: 'sw-a', LocalNodeState: 'active', ControlAvailable: true, Cluster } };
      if (path !== '/nodes') return [];
      const ManagerStatus = { Leader: true, Reachability: 'reachable' };
      return [
        { ID: 'sw-a', Version: { Index: 1 }, Spec: { Role: 'manager' }, Status: { State: this.state }, ManagerStatus },
      ];
    };
    const rest = { address: '10.0.0.1', isHealthy: true, labels: new Map(), client: { json } };
    const member = { id: 'a', name: 'a', ...rest } as unknown as SubstrateMember;
    let known: KnownSubstrate = { swarmId: undefined, nodes: [] };
    const memory = {
      load: async () => {
        this.loads.push(known);
        return known;
      },
      save: async (next: KnownSubstrate) => {
        known = next;
      },
    };
    this.substrate = new Substrate(
      {
        members: { nodes: [member], subscribe: () => () => undefined },
        clock: systemClock,
        logger: silentLogger(),
        memory,
      },
      { identity: { id: 'c1', marks: new Set(['c1']) }, idleMs: 5, ...options },
    );
  }
}

/** Lets everything run that was begun. */
async function aWhile(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

test('nothing is asked before the start, nor after the stop', async () => {
  const world = new World({ mode: 'eager' });
  const { substrate } = world;
  await aWhile();
  expect(world.asked).toBe(0);
  substrate.start();
  substrate.start();
  await waitUntil(() => substrate.status.managers.length === 1);
  await substrate.stop();
  const { asked } = world;
  await aWhile();
  expect(world.asked).toBe(asked);
  expect(world.loads).toHaveLength(1);
  await substrate.close();
});

test('a second start goes on with what is remembered by then', async () => {
  const world = new World({ mode: 'eager' });
  const { substrate } = world;
  substrate.start();
  await waitUntil(() => substrate.status.managers.length === 1);
  const stopped = substrate.stop();
  substrate.start();
  await stopped;
  const { asked } = world;
  await waitUntil(() => world.asked > asked);
  expect(world.loads.map(({ nodes }) => nodes.length)).toEqual([0, 1]);
  await substrate.close();
  substrate.start();
  const last = world.asked;
  await aWhile();
  expect(world.asked).toBe(last);
});

test('who does not look after it any more tells no problems of it', async () => {
  const world = new World({ mode: 'eager' });
  const { substrate } = world;
  world.state = 'down';
  substrate.start();
  await waitUntil(() => substrate.status.problems.size === 1);
  await substrate.stop();
  expect(substrate.status).toMatchObject({ problems: new Map(), notices: [], swarmId: 's1' });
  substrate.start();
  await waitUntil(() => substrate.status.problems.size === 1);
  await substrate.close();
});

test('many wait for it at once without a warning of Node', async () => {
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on('warning', hear);
  const { substrate } = new World({ mode: 'lazy' });
  const waits = Array.from({ length: 20 }, () => substrate.manager(new AbortController().signal));
  substrate.start();
  expect(await Promise.all(waits)).toHaveLength(20);
  await aWhile();
  process.off('warning', hear);
  expect(warnings).toEqual([]);
  await substrate.close();
});

test('in lazy mode the first need counts, also one from before the start', async () => {
  const world = new World({ mode: 'lazy' });
  const { substrate } = world;
  substrate.start();
  await aWhile();
  expect(world.asked).toBe(0);
  await substrate.stop();
  substrate.activate();
  await aWhile();
  expect(world.asked).toBe(0);
  substrate.start();
  await waitUntil(() => substrate.status.managers.length === 1);
  await substrate.close();
});

test('a wait on a substrate that was not started says so', async () => {
  const { substrate } = new World({ mode: 'eager' });
  await expect(substrate.manager(new AbortController().signal, 1)).rejects.toMatchObject({
    status: 503,
    message: expect.stringContaining('does not look after cluster networks'),
  });
  await substrate.close();
});
