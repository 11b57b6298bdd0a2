import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FakeEngineOptions } from '../../../simulator/fake-engine.ts';
import { ImageApi } from '../../../test/fakes/image-api.ts';
import { carryImages } from '../../../test/fakes/image-archives.ts';
import { eventually } from '../../../test/fakes/wait.ts';

const open: ImageApi[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function api(engines: readonly (readonly string[] | FakeEngineOptions)[]): Promise<ImageApi> {
  const options = engines.map((each) => (Array.isArray(each) ? { images: each } : each) as FakeEngineOptions);
  const started = await ImageApi.start(options);
  for (const engine of started.fake.engines) carryImages(engine);
  open.push(started);
  return started;
}

function idOf({ fake }: ImageApi, index: number, tag: string): string {
  return fake.at(index).engine.state.findImage(tag)?.id ?? 'none';
}

/** Puts another image under a tag of one engine, or takes all tags from an image (`tag` undefined). */
async function change(
  { fake }: ImageApi,
  index: number,
  edit: (state: (typeof fake.engines)[0]['state']) => void,
): Promise<void> {
  edit(fake.at(index).engine.state);
  await fake.at(index).node.refreshImages();
}

type Listed = readonly { readonly Id: string; readonly RepoTags: readonly string[] }[];

describe('GET /images/json', () => {
  test('lists each image once, with the names of all nodes', async () => {
    const one = await api([['redis:7', 'app:1'], ['redis:7'], ['redis:7']]);
    await change(one, 2, (state) => state.addImage('cache:1', idOf(one, 2, 'redis:7')));
    const { json } = await one.call('GET', '/v1.51/images/json');
    expect((json as Listed).map(({ RepoTags }) => RepoTags).sort()).toEqual([['app:1'], ['cache:1', 'redis:7']]);
    const { json: onOne } = await one.call('GET', '/images/json?filters={"node":["node-1"]}');
    expect((onOne as Listed).map(({ Id }) => Id).sort()).toEqual(
      [idOf(one, 0, 'app:1'), idOf(one, 0, 'redis:7')].sort(),
    );
  });

  test('shows a tag at one image only when nodes disagree', async () => {
    const one = await api([['app:1'], []]);
    const other = `sha256:${'9'.repeat(64)}`;
    await change(one, 1, (state) => state.addImage('app:1', other));
    one.fake.cluster.images.prefer('app:1', other);
    const { json } = await one.call('GET', '/images/json');
    const tags = new Map((json as Listed).map(({ Id, RepoTags }) => [Id, RepoTags]));
    expect(tags).toEqual(
      new Map([
        [other, ['app:1']],
        [idOf(one, 0, 'app:1'), []],
      ]),
    );
  });

  test('leaves out what only unhealthy nodes hold, at once', async () => {
    const one = await api([['redis:7'], ['app:1']]);
    expect((await one.call('GET', '/images/json')).json).toHaveLength(2);
    await one.fake.at(1).engine.apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(one.fake.at(1).node.isHealthy).toBe(false), 120_000);
    expect((await one.call('GET', '/images/json')).json).toHaveLength(1);
  });

  test('writes what clients of each age expect', async () => {
    const one = await api([['app:1']]);
    await change(one, 0, (state) => void state.findImage('app:1')?.tags.splice(0));
    const shape = async (version: string): Promise<unknown> => {
      const [{ RepoTags, RepoDigests, VirtualSize }] = (await one.call('GET', `/${version}/images/json`)).json as [
        Record<string, unknown>,
      ];
      return { RepoTags, RepoDigests, VirtualSize };
    };
    const none = { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'], VirtualSize: 20_000_000 };
    expect(await shape('v1.41')).toEqual(none);
    expect(await shape('v1.43')).toEqual({ RepoTags: [], RepoDigests: [], VirtualSize: 20_000_000 });
    expect(await shape('v1.51')).toEqual({ RepoTags: [], RepoDigests: [], VirtualSize: undefined });
  });

  test.each([
    [{ reference: ['redis'] }, ['redis:6', 'redis:7']],
    [{ reference: { 'redis:7': true } }, ['redis:7']],
    [{ reference: ['*:7'] }, ['redis:7']],
    [{ reference: ['red?s', 'ap[a-p]'] }, ['app:1', 'redis:6', 'redis:7']],
    [{ reference: ['*'] }, ['app:1', 'redis:6', 'redis:7']],
    [{ reference: ['*/*'] }, ['bitnami/redis:7']],
    [{ reference: ['nothing'] }, []],
    [{ dangling: ['true'] }, ['dangling']],
    [{ dangling: ['false'] }, ['app:1', 'bitnami/redis:7', 'redis:6', 'redis:7']],
    [{ node: ['node-2'] }, ['app:1']],
    [{ until: ['1h'] }, []],
    [{ since: ['dated:1'] }, ['app:1', 'bitnami/redis:7', 'dangling', 'redis:6', 'redis:7']],
  ])('filters %j', async (filters, expected) => {
    const one = await api([['redis:6', 'redis:7', 'bitnami/redis:7', 'untagged:1'], ['app:1']]);
    await change(one, 0, (state) => void state.findImage('untagged:1')?.tags.splice(0));
    if ('since' in filters) {
      await change(one, 0, (state) => {
        const image = state.addImage('dated:1');
        state.images.set(image.id, { ...image, createdAt: 1_000 });
      });
    }
    const { json } = await one.call('GET', `/images/json?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    const names = (json as Listed).flatMap(({ RepoTags }) => (RepoTags.length > 0 ? RepoTags : ['dangling']));
    expect(names.sort()).toEqual(expected);
  });

  test.each([
    ['{"nonsense":["1"]}', "invalid filter 'nonsense'"],
    ['{"dangling":["maybe"]}', "invalid filter 'dangling"],
    ['{"until":["soon"]}', "invalid filter 'until"],
    ['{"reference":["[a"]}', "invalid filter 'reference"],
    ['[', 'invalid filter'],
  ])('refuses %s', async (filters, message) => {
    const one = await api([['app:1']]);
    const answer = await one.call('GET', `/images/json?filters=${encodeURIComponent(filters)}`);
    expect(answer.status).toBe(400);
    expect(answer.json).toMatchObject({ message: expect.stringContaining(message) });
  });

  test('asks the engines for what only they know', async () => {
    const one = await api([['redis:7'], ['redis:7']]);
    const { json } = await one.call('GET', '/images/json?all=1&shared-size=1');
    expect(json).toHaveLength(1);
    for (const engine of one.fake.engines) {
      expect(engine.requestsTo('GET /images/json').some(({ query }) => query.get('shared-size') === '1')).toBe(true);
    }
  });
});

describe('GET /images/{name}/json', () => {
  test('answers the same for every spelling, with the names of all nodes', async () => {
    const one = await api([['redis:7'], ['redis:7']]);
    await change(one, 1, (state) => state.addImage('cache:1', idOf(one, 1, 'redis:7')));
    const id = idOf(one, 0, 'redis:7');
    for (const name of ['redis:7', 'docker.io/library/redis:7', 'cache:1', id, id.slice(7, 19)]) {
      const { status, json } = await one.call('GET', `/v1.41/images/${name}/json`);
      expect([name, status, (json as { Id: string }).Id]).toEqual([name, 200, id]);
      expect(json).toMatchObject({ RepoTags: ['cache:1', 'redis:7'], RepoDigests: [] });
    }
  });

  test('asks another holder when one does not answer', async () => {
    const one = await api([['redis:7'], ['redis:7']]);
    const [first] = [...one.fake.nodes].sort((a, b) => (a.id < b.id ? -1 : 1));
    const index = first ? one.fake.nodes.indexOf(first) : -1;
    one.fake.at(index).engine.on('GET /images/*', () => {
      void one.fake.at(index).engine.apply({ kind: 'refuse' });
      return true;
    });
    expect((await one.call('GET', '/images/redis:7/json')).status).toBe(200);
  });

  test.each(['json', 'history'])('says 404 to %s of an unknown image', async (operation) => {
    const one = await api([['redis:7']]);
    const answer = await one.call('GET', `/images/docker.io/library/nothing:1/${operation}`);
    expect([answer.status, answer.json]).toEqual([404, { message: 'No such image: docker.io/library/nothing:1' }]);
  });
});

describe('POST /images/{name}/tag', () => {
  test('tags on every holder, and the next read shows it', async () => {
    const one = await api([['redis:7'], ['redis:7'], ['app:1']]);
    const query = 'repo=docker.io%2Flibrary%2Fcache&tag=1';
    expect((await one.call('POST', `/images/redis:7/tag?${query}`)).status).toBe(201);
    expect(one.fake.cluster.images.meanings('cache:1').size).toBe(2);
    const { json } = await one.call('GET', '/images/cache:1/json');
    expect(json).toMatchObject({ Id: idOf(one, 0, 'redis:7') });
  });

  test('takes the tag from the image that had it, also on nodes without the new one', async () => {
    const one = await api([['new:1', 'app:1'], ['app:1']]);
    const [old, young] = [idOf(one, 0, 'app:1'), idOf(one, 0, 'new:1')];
    one.fake.at(0).engine.on('POST /images/*', () => {
      one.fake.at(0).engine.state.findImage('app:1')?.tags.splice(0);
      return false;
    });
    expect((await one.call('POST', '/images/new:1/tag?repo=app&tag=1')).status).toBe(201);
    expect((await one.call('GET', '/images/app:1/json')).json).toMatchObject({ Id: young });
    expect([...one.fake.cluster.images.meanings('app:1').values()]).toEqual([young]);
    // The older image stays where it lost its tag, as on one engine.
    expect(one.fake.at(0).engine.state.images.has(old)).toBe(true);
  });

  test('copies the new image to a node where containers use the older one', async () => {
    const one = await api([['new:1', 'app:1'], ['app:1']]);
    const young = idOf(one, 0, 'new:1');
    const old = idOf(one, 1, 'app:1');
    const container = one.fake.at(1).engine.run({ name: 'web' });
    Object.assign(container, { imageId: old });
    const { node } = one.fake.at(1);
    await node.refreshContainers([container.id]);
    expect([...node.containers.values()].map(({ imageId }) => imageId)).toEqual([old]);
    one.fake.at(0).engine.on('POST /images/*', () => {
      one.fake.at(0).engine.state.findImage('app:1')?.tags.splice(0);
      return false;
    });
    await one.call('POST', '/images/new:1/tag?repo=app&tag=1');
    await eventually(() => expect(one.fake.cluster.images.meanings('app:1').get(node)).toBe(young));
    expect(one.fake.at(1).engine.state.images.has(old)).toBe(true);
  });

  test('says 404 for an unknown image', async () => {
    const one = await api([['redis:7']]);
    expect((await one.call('POST', '/images/nothing/tag?repo=a')).status).toBe(404);
  });
});

describe('DELETE /images/{name}', () => {
  test('removes on every holder and answers as one engine', async () => {
    const one = await api([['redis:7'], ['redis:7'], ['app:1']]);
    const id = idOf(one, 0, 'redis:7');
    const { status, json } = await one.call('DELETE', '/images/redis:7');
    expect([status, json]).toEqual([200, [{ Untagged: 'redis:7' }, { Deleted: id }]]);
    expect((await one.call('GET', '/images/json')).json).toHaveLength(1);
    expect((await one.call('DELETE', '/images/redis:7')).status).toBe(404);
  });

  test('removes nowhere when a node refuses because containers use it there', async () => {
    const one = await api([['redis:7'], ['redis:7']]);
    const { engine, node } = one.fake.at(1);
    const container = engine.run({ name: 'web' });
    Object.assign(container, { imageId: idOf(one, 1, 'redis:7') });
    await node.refreshContainers([container.id]);
    const conflict = 'conflict: unable to remove repository reference "redis:7" (must force)';
    engine.lie('DELETE /images/redis%3A7', 409, { message: conflict });
    const { status, json } = await one.call('DELETE', '/images/redis:7');
    expect([status, json]).toEqual([409, { message: `${conflict} (node node-2)` }]);
    expect(one.fake.at(0).engine.state.images.size).toBe(1);
  });

  test('says where it failed and that it went elsewhere', async () => {
    const one = await api([['redis:7'], ['redis:7'], ['redis:7']]);
    one.fake.at(2).engine.lie('DELETE /images/redis%3A7', 500, { message: 'disk is gone' });
    const { status, json } = await one.call('DELETE', '/images/redis:7');
    expect(status).toBe(500);
    expect(json).toEqual({ message: 'disk is gone (node node-3). It was removed on the other 2 nodes' });
  });
});

test('POST /images/prune adds up the nodes, or asks one', async () => {
  const one = await api([['a:1'], ['b:1']]);
  for (const engine of one.fake.engines) {
    engine.lie('POST /images/prune', 200, { ImagesDeleted: [{ Deleted: 'sha256:1' }], SpaceReclaimed: 5 });
  }
  const both = await one.call('POST', '/images/prune');
  expect(both.json).toEqual({ ImagesDeleted: [{ Deleted: 'sha256:1' }], SpaceReclaimed: 10 });
  const filters = encodeURIComponent('{"node":["node-2"],"dangling":["false"]}');
  expect((await one.call('POST', `/images/prune?filters=${filters}`)).json).toMatchObject({ SpaceReclaimed: 5 });
  const [, pruned] = one.fake.at(1).engine.requestsTo('POST /images/prune');
  expect(pruned?.query.get('filters')).toBe('{"dangling":["false"]}');
});
