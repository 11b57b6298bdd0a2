import { describe, expect, test } from 'vitest';
import { type ArchiveTraffic, carryImages } from '../../test/fakes/image-archives.ts';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import { ImageDistribution } from '../images/distribution.ts';
import { ImageSpares } from './image-spares.ts';
import { spareNeeds } from './spare-needs.ts';

const CALL = { api: '1.44', signal: new AbortController().signal } as const;
const ALWAYS = { Image: 'app:1', HostConfig: { RestartPolicy: { Name: 'always' } } };
const ON_FIRST = { ...ALWAYS, Env: ['constraint:node==node-1'] };

interface World {
  readonly world: FakeLifecycle;
  readonly traffic: readonly ArchiveTraffic[];
  /** Nodes that have the image, by name. */
  holders(): readonly string[];
  /** What a look would find, by name: the container, and the groups of nodes that a copy may go to. */
  needs(
    policy?: MovePolicy,
  ): readonly { readonly container: string; readonly places: readonly (readonly string[])[] }[];
  run(body?: object): Promise<string>;
  spares(hooks?: { readonly mayCopy?: () => boolean }): ImageSpares;
}

/** Nodes with these labels; the first has `app:1`, which no registry has. */
async function inWorld(labels: readonly (readonly string[])[], act: (world: World) => Promise<void>): Promise<void> {
  await using world = await FakeLifecycle.start(
    labels.map((each, i) => ({ labels: each, images: ['base:1', ...(i === 0 ? ['app:1'] : [])] })),
  );
  const { cluster, engines } = world.fake;
  const traffic = engines.map((engine) => carryImages(engine));
  const shared = { cluster, desired: world.desired, clock: systemClock, logger: silentLogger() };
  const started: ImageSpares[] = [];
  const run = async (body: object = ON_FIRST): Promise<string> => {
    const id = await world.made('app', body);
    await world.lifecycle.operate(cluster.container(id), { kind: 'start', search: '' }, CALL);
    return id;
  };
  const spares: World['spares'] = ({ mayCopy = () => true } = {}) => {
    const images = new ImageDistribution(shared);
    const made = new ImageSpares({ ...shared, images, mayCopy }, 'auto', {
      settleMs: 0,
      awayMs: 0,
      lookMs: 20,
      paceMs: 5,
      retryMs: 20,
    });
    made.start();
    started.push(made);
    return made;
  };
  const holders = (): string[] => cluster.images.holders('app:1').map(({ name }) => name);
  const needs: World['needs'] = (policy = 'auto') =>
    spareNeeds(shared, policy).map(({ container, places }) => ({
      container: container.name,
      places: places.map((group) => group.map(({ name }) => name)),
    }));
  try {
    await act({ world, traffic, holders, needs, run, spares });
  } finally {
    await Promise.all(started.map((each) => each.stop()));
  }
}

describe('an image that one node has, and no registry', () => {
  test('is copied to a second one, and to no third', async () => {
    await inWorld([[], [], []], async ({ traffic, run, spares, holders, needs }) => {
      spares();
      await run();
      await waitUntil(() => holders().length === 2);
      expect(needs()).toEqual([]);
      expect(traffic.reduce((sum, { loads }) => sum + loads, 0)).toBe(1);
    });
  });

  test('goes to another failure domain, also when two nodes of one domain have it', async () => {
    const labels = [['provider=a'], ['provider=a'], ['provider=b'], ['provider=b']];
    await inWorld(labels, async ({ world, run, spares, holders, needs }) => {
      await run();
      expect(needs()).toEqual([
        {
          container: 'app',
          places: [
            ['node-3', 'node-4'],
            ['node-2', 'node-3', 'node-4'],
          ],
        },
      ]);
      const { engine, node } = world.fake.at(1);
      engine.state.addImage('app:1');
      await node.refreshImages();
      expect(needs()).toEqual([{ container: 'app', places: [['node-3', 'node-4']] }]);
      spares();
      await waitUntil(() => holders().length === 3);
      expect(holders()).not.toEqual(['node-1', 'node-2']);
      expect(needs()).toEqual([]);
    });
  });

  test('is copied again when its second node is lost', async () => {
    await inWorld([[], [], []], async ({ world, run, spares, holders }) => {
      spares();
      await run();
      await waitUntil(() => holders().length === 2);
      const second = world.fake.nodes.findIndex(({ name }) => name !== 'node-1' && holders().includes(name));
      await world.fake.at(second).engine.apply({ kind: 'refuse' });
      await waitUntil(() => !world.fake.at(second).node.isHealthy);
      await waitUntil(() => holders().length === 2);
      expect(holders()).toContain('node-1');
    });
  });

  test('is tried on another node when one cannot take it', async () => {
    await inWorld([['provider=a'], ['provider=b'], ['provider=a']], async ({ world, run, spares, holders }) => {
      world.fake.at(1).engine.on('POST /images/load', (exchange) => {
        exchange.error(500, 'no space left on device');
        return true;
      });
      await run();
      spares();
      await waitUntil(() => holders().length === 2);
      expect(holders()).toEqual(['node-1', 'node-3']);
    });
  });
});

describe('no copy is made', () => {
  test.each([
    ['of what a registry has', { digest: true }],
    ['for what is not to be made anew', { body: { Image: 'app:1' } }],
    [
      'for what has data on its node',
      { body: { ...ALWAYS, HostConfig: { ...ALWAYS.HostConfig, Binds: ['/srv:/srv'] } } },
    ],
    ['while rescheduling is off', { policy: 'off' as const }],
  ])('%s', async (_, { digest, body = ON_FIRST, policy }: { digest?: boolean; body?: object; policy?: MovePolicy }) => {
    await inWorld([[], []], async ({ world, run, needs }) => {
      await run({ ...body, Env: ON_FIRST.Env });
      const [node] = world.fake.nodes;
      if (digest && node) {
        const summaries = [...world.fake.cluster.images.of(node).values()];
        const digests = [`app@sha256:${'d'.repeat(64)}`];
        world.fake.cluster.replaceImages(
          node,
          summaries.map((each) => ({ ...each, RepoDigests: digests })),
        );
      }
      expect(needs(policy)).toEqual([]);
      if (digest === undefined && policy === undefined) return;
      // It is this alone that keeps it from being copied.
      await node?.refreshImages();
      expect(needs()).toHaveLength(1);
    });
  });

  test('of what was stopped, and on a node that is paused or drained', async () => {
    await inWorld([[], []], async ({ world, run, needs }) => {
      const id = await run();
      expect(needs()).toHaveLength(1);
      const node = world.fake.at(1).node;
      for (const availability of ['pause', 'drain'] as const) {
        node.setChoices({ availability, labels: {} });
        expect(needs()).toEqual([]);
      }
      node.setChoices(undefined);
      expect(needs()).toHaveLength(1);
      await world.lifecycle.operate(world.fake.cluster.container(id), { kind: 'stop', search: '' }, CALL);
      expect(needs()).toEqual([]);
    });
  });

  test('with one node', async () => {
    await inWorld([[]], async ({ run, needs }) => {
      await run();
      expect(needs()).toEqual([]);
    });
  });

  test('while the manager may be cut off', async () => {
    await inWorld([[], []], async ({ run, spares, holders, traffic }) => {
      let isAsked = 0;
      let may = false;
      await run();
      spares({
        mayCopy: () => {
          isAsked += 1;
          return may;
        },
      });
      await waitUntil(() => isAsked > 3);
      expect(traffic.map(({ saves }) => saves)).toEqual([0, 0]);
      may = true;
      await waitUntil(() => holders().length === 2);
    });
  });
});
