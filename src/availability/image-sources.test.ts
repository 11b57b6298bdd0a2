import { expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { missingImage } from './image-sources.ts';

const DIGEST = `sha256:${'d'.repeat(64)}`;
const NOWHERE = /^only node-1 had its image app:1, and no registry is known to have it$/;

async function inWorld(act: (world: FakeLifecycle) => Promise<void>): Promise<void> {
  await using world = await FakeLifecycle.start([
    { images: ['app:1', 'base:1'] },
    { images: ['base:1'] },
    { images: ['base:1'] },
  ]);
  await act(world);
}

function missing(
  { fake: { cluster } }: FakeLifecycle,
  name: string,
  { lost = [], recorded = [] }: { readonly lost?: readonly string[]; readonly recorded?: readonly string[] } = {},
): string | undefined {
  const ids = new Set(cluster.nodes.flatMap((node) => (lost.includes(node.name) ? node.id : [])));
  return missingImage(cluster, { name, recorded }, (id) => ids.has(id));
}

test('an image can be had from a node that answers and stays, and from a registry', async () => {
  await inWorld(async (world) => {
    expect(missing(world, 'app:1')).toBeUndefined();
    expect(missing(world, 'base:1', { lost: ['node-1', 'node-2'] })).toBeUndefined();
    expect(missing(world, 'app:1', { lost: ['node-1'] })).toMatch(NOWHERE);
    expect(missing(world, `app@${DIGEST}`, { lost: ['node-1'] })).toBeUndefined();
    const { cluster } = world.fake;
    const { node } = world.fake.at(0);
    const [app, ...others] = [...cluster.images.of(node).values()].sort((a, b) =>
      String(a.RepoTags).localeCompare(String(b.RepoTags)),
    );
    if (!app) throw new Error('no image');
    cluster.images.replace(node, [{ ...app, RepoDigests: [`app@${DIGEST}`] }, ...others]);
    expect(missing(world, 'app:1', { lost: ['node-1'] })).toBeUndefined();
  });
});

test('a node that is lost already gives none; what is recorded counts, not what the name means by now', async () => {
  await inWorld(async (world) => {
    const id = world.fake.cluster.images.find('app:1')?.id ?? '';
    const { engine, node } = world.fake.at(0);
    await engine.apply({ kind: 'refuse' });
    await waitUntil(() => !node.isHealthy);
    expect(missing(world, 'app:1')).toMatch(NOWHERE);
    expect(missing(world, 'base:1', { recorded: [id] })).toMatch(/^only node-1 had its image base:1,/);
    expect(missing(world, 'base:1', { recorded: [id, `base@${DIGEST}`] })).toBeUndefined();
    expect(missing(world, 'gone:1')).toMatch(/^no node that answers has its image gone:1,/);
  });
});
