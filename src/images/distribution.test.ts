import { afterEach, describe, expect, test, vi } from 'vitest';
import type { FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { FakeCluster } from '../../test/fakes/fake-cluster.ts';
import { type ArchiveTraffic, carryImages } from '../../test/fakes/image-archives.ts';
import { eventually } from '../../test/fakes/wait.ts';
import { silentLogger } from '../common/logger.ts';
import { type DistributionProgress, ImageDistribution } from './distribution.ts';
import type { CopyLimits } from './image-copies.ts';

const MIB = 2 ** 20;
const open: FakeCluster[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** Engines with these tags each; archives have `archiveBytes`. */
async function cluster(
  engines: readonly (readonly string[] | FakeEngineOptions)[],
  archiveBytes?: number,
  limits?: Partial<CopyLimits>,
): Promise<{ fake: FakeCluster; distribution: ImageDistribution; traffic: readonly ArchiveTraffic[] }> {
  // An engine without any image would accept every one.
  const options = engines.map(
    (each) => (Array.isArray(each) ? { images: ['base:1', ...each] } : each) as FakeEngineOptions,
  );
  const fake = await FakeCluster.start(options);
  open.push(fake);
  const traffic = fake.engines.map((engine) => carryImages(engine, archiveBytes));
  return {
    fake,
    distribution: new ImageDistribution({ cluster: fake.cluster, logger: silentLogger() }, limits),
    traffic,
  };
}

function tagsOf(fake: FakeCluster, index: number): string[] {
  return [...fake.at(index).engine.state.images.values()].flatMap((image) => image.tags).sort();
}

describe('ensureOn', () => {
  test('leaves a node alone that holds the image', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], ['app:1']]);
    const { node, engine } = fake.at(1);
    const ensured = await distribution.ensureOn(node, 'docker.io/library/app:1');
    expect(ensured.imageId).toBe(engine.state.findImage('app:1')?.id);
    expect(traffic.map((each) => each.saves)).toEqual([0, 0]);
  });

  test('copies from a holder, with the name, and the model shows it at once', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []], 3 * MIB);
    const { node } = fake.at(1);
    const progress: DistributionProgress[] = [];
    const ensured = await distribution.ensureOn(node, 'app:1', { onProgress: (each) => progress.push(each) });
    expect(ensured).toEqual({ imageId: fake.at(0).engine.state.findImage('app:1')?.id, reference: 'app:1' });
    expect(fake.cluster.images.meanings('app:1').get(node)).toBe(ensured.imageId);
    expect(traffic[1]?.loadedBytes).toBe(3 * MIB);
    expect(progress.at(-1)).toMatchObject({ kind: 'copy', from: fake.at(0).node, to: node, bytes: 3 * MIB });
  });

  test('brings every tag of the image along, and gives it the name asked for when the source has another', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    fake.at(0).engine.state.addImage('app:latest', fake.at(0).engine.state.findImage('app:1')?.id);
    await fake.at(0).node.refreshImages();
    await distribution.ensureOn(fake.at(1).node, 'app:1');
    expect(tagsOf(fake, 1)).toEqual(['app:1', 'app:latest', 'base:1']);
  });

  test('tags instead of copying when the node holds the image under another name', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], ['app:1']]);
    fake.at(0).engine.state.addImage('app:latest', fake.at(0).engine.state.findImage('app:1')?.id);
    await fake.at(0).node.refreshImages();
    const ensured = await distribution.ensureOn(fake.at(1).node, 'app');
    expect(ensured.reference).toBe('app');
    expect(tagsOf(fake, 1)).toContain('app:latest');
    expect(traffic[0]?.saves).toBe(0);
  });

  test('copies an image without a name by its ID', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    const image = fake.at(0).engine.state.findImage('app:1');
    image?.tags.splice(0);
    await fake.at(0).node.refreshImages();
    const id = image?.id ?? '';
    expect(await distribution.ensureOn(fake.at(1).node, id.slice(7, 19))).toEqual({ imageId: id, reference: id });
    expect(fake.at(1).engine.state.images.has(id)).toBe(true);
  });

  test('moves a stale tag to the image the cluster means', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    const [builder, stale] = [fake.at(0), fake.at(1)];
    const old = stale.engine.state.addImage('app:1', `sha256:${'0'.repeat(64)}`);
    await stale.node.refreshImages();
    const id = builder.engine.state.findImage('app:1')?.id ?? '';
    fake.cluster.images.prefer('app:1', id);
    expect(await distribution.ensureOn(stale.node, 'app:1')).toEqual({ imageId: id, reference: 'app:1' });
    expect(old.tags).toEqual([]);
  });

  test('shares one copy among 50 callers', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []], MIB);
    const heard = Array.from({ length: 50 }, () => 0);
    const all = heard.map((_, i) =>
      distribution.ensureOn(fake.at(1).node, i % 2 ? 'app:1' : 'docker.io/library/app:1', {
        onProgress: () => {
          heard[i] = (heard[i] ?? 0) + 1;
        },
      }),
    );
    const ensured = await Promise.all(all);
    expect(new Set(ensured.map(({ imageId }) => imageId)).size).toBe(1);
    expect(traffic[0]?.saves).toBe(1);
    expect(traffic[1]?.loads).toBe(1);
    expect(heard.every((count) => count > 0)).toBe(true);
  });

  test('says 404 when nobody has it, without asking a registry', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    await expect(distribution.ensureOn(fake.at(1).node, 'other:1')).rejects.toMatchObject({
      status: 404,
      message: 'No such image: other:1',
    });
    expect(fake.engines.flatMap((engine) => engine.requestsTo('POST /images/create'))).toEqual([]);
  });
});

describe('failures', () => {
  test('a source that dies in the middle is replaced by another holder', async () => {
    const { fake, distribution } = await cluster([['app:1'], ['app:1'], []], 16 * MIB);
    const dies = { index: -1 };
    const onProgress = (progress: DistributionProgress): void => {
      if (progress.kind !== 'copy' || dies.index >= 0) return;
      dies.index = fake.nodes.indexOf(progress.from);
      void fake.at(dies.index).engine.apply({ kind: 'refuse' });
    };
    await distribution.ensureOn(fake.at(2).node, 'app:1', { onProgress });
    expect(dies.index).toBeGreaterThanOrEqual(0);
    expect(tagsOf(fake, 2)).toContain('app:1');
  });

  test('a source that hangs in the middle is given up when it becomes unhealthy', async () => {
    const { fake, distribution } = await cluster([['app:1'], ['app:1'], []], 16 * MIB);
    let hung = -1;
    const onProgress = (progress: DistributionProgress): void => {
      if (progress.kind !== 'copy' || hung >= 0) return;
      hung = fake.nodes.indexOf(progress.from);
      void fake.at(hung).engine.apply({ kind: 'hang' });
    };
    await distribution.ensureOn(fake.at(2).node, 'app:1', { onProgress });
    expect(fake.nodes[hung]?.isHealthy).toBe(false);
    expect(tagsOf(fake, 2)).toContain('app:1');
  });

  test('a target that dies is no reason to ask another source', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], ['app:1'], []], 64 * MIB);
    const onProgress = (): void => void fake.at(2).engine.apply({ kind: 'refuse' });
    await expect(distribution.ensureOn(fake.at(2).node, 'app:1', { onProgress })).rejects.toMatchObject({
      code: 'IMAGE_COPY_FAILED',
      message: expect.stringContaining('to node node-3'),
    });
    expect(traffic.map((each) => each.saves).reduce((a, b) => a + b)).toBe(1);
  });

  test.each([
    ['at once', 500, '{"message":"no space left on device"}'],
    [
      'after the upload',
      200,
      '{"errorDetail":{"message":"no space left on device"},"error":"no space left on device"}',
    ],
  ])('what the target says %s is passed on', async (_when, status, body) => {
    const { fake, distribution } = await cluster([['app:1'], []], 16 * MIB);
    fake.at(1).engine.lie('POST /images/load', status, body);
    await expect(distribution.ensureOn(fake.at(1).node, 'app:1')).rejects.toMatchObject({
      status: 500,
      message: expect.stringContaining('from node-1: no space left on device'),
    });
    await eventually(() => expect(fake.at(0).engine.state.images.size).toBe(2));
  });

  test('an image whose holders are away is not found, and the message says where it is', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    await fake.at(0).engine.apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(fake.at(0).node.isHealthy).toBe(false), 120_000);
    await expect(distribution.ensureOn(fake.at(1).node, 'app:1')).rejects.toMatchObject({
      status: 404,
      message: 'No such image: app:1 (only on node-1, not reachable now)',
    });
    expect(fake.at(1).engine.requestsTo('POST /images/create')).toEqual([]);
  });

  test('after a failure the next caller starts anew', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    const end = fake.at(1).engine.lie('POST /images/load', 500, '{"message":"busy"}');
    await expect(distribution.ensureOn(fake.at(1).node, 'app:1')).rejects.toThrow('busy');
    end();
    await distribution.ensureOn(fake.at(1).node, 'app:1');
    expect(tagsOf(fake, 1)).toContain('app:1');
  });
});

describe('a registry', () => {
  function withDigest(fake: FakeCluster, index: number, digest = `sha256:${'d'.repeat(64)}`): void {
    const { engine } = fake.at(index);
    engine.on('GET /images/json', (exchange) => {
      const images = [...engine.state.images.values()].map(({ id, tags }) => ({
        Id: id,
        RepoTags: tags,
        RepoDigests: tags.map((tag) => `${tag.slice(0, tag.lastIndexOf(':'))}@${digest === 'id' ? id : digest}`),
        Created: 1,
        Size: 1,
      }));
      exchange.json(200, JSON.stringify(images));
      return true;
    });
  }

  test('is asked when it is known to have the image and the holders are away', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    withDigest(fake, 0);
    await fake.at(0).node.refreshImages();
    await fake.at(0).engine.apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(fake.at(0).node.isHealthy).toBe(false), 120_000);
    await distribution.ensureOn(fake.at(1).node, 'app:1', { registryAuth: 'c2VjcmV0' });
    const [pull] = fake.at(1).engine.requestsTo('POST /images/create');
    expect(pull?.query.get('fromImage')).toBe('app:1');
    expect(pull?.fields['x-registry-auth']).toBe('c2VjcmV0');
  });

  test.each([
    ['app:1', 0],
    ['user/app:1', 0],
    ['localhost:5000/app:1', 1],
    ['ghcr.io/user/app:1', 1],
  ])('is not asked for %s when the digest is only the containerd store’s own (%i pulls)', async (name, pulls) => {
    const { fake, distribution } = await cluster([[name], []]);
    withDigest(fake, 0, 'id');
    await fake.at(0).node.refreshImages();
    fake.at(0).engine.lie('GET /images/get', 500, '{"message":"broken layer"}');
    const ensured = distribution.ensureOn(fake.at(1).node, name).then(
      () => 'pulled',
      (error: Error) => error.message,
    );
    expect(await ensured).toMatch(pulls > 0 ? 'pulled' : /broken layer/);
    expect(fake.at(1).engine.requestsTo('POST /images/create')).toHaveLength(pulls);
  });

  test('is asked when the copy fails, once for many callers', async () => {
    const { fake, distribution } = await cluster([['app:1'], []]);
    withDigest(fake, 0);
    await fake.at(0).node.refreshImages();
    fake.at(0).engine.lie('GET /images/get', 500, '{"message":"broken layer"}');
    await Promise.all(Array.from({ length: 10 }, () => distribution.ensureOn(fake.at(1).node, 'app:1')));
    expect(fake.at(1).engine.requestsTo('POST /images/create')).toHaveLength(1);
  });

  test('serves other platforms', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []]);
    withDigest(fake, 0);
    await fake.at(0).node.refreshImages();
    const { node } = fake.at(1);
    Object.defineProperty(node, 'builtins', { value: { ...node.builtins, architecture: 'aarch64' } });
    await distribution.ensureOn(node, 'app:1');
    expect(fake.at(1).engine.requestsTo('POST /images/create')).toHaveLength(1);
    expect(traffic[0]?.saves).toBe(0);
  });
});

describe('abort', () => {
  test('one caller that leaves does not disturb the others', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []], 8 * MIB);
    const leaver = new AbortController();
    const stays = distribution.ensureOn(fake.at(1).node, 'app:1');
    const leaves = distribution.ensureOn(fake.at(1).node, 'app:1', {
      signal: leaver.signal,
      onProgress: () => leaver.abort(new Error('left')),
    });
    await expect(leaves).rejects.toThrow('left');
    await stays;
    expect(traffic[1]?.loads).toBe(1);
  });

  test('when the last one leaves both ends are let go', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []], 512 * MIB);
    let loading = 0;
    fake.at(1).engine.on('POST /images/load', (exchange) => {
      loading += 1;
      exchange.onClose(() => {
        loading -= 1;
      });
      return false;
    });
    const leaver = new AbortController();
    const leaves = distribution.ensureOn(fake.at(1).node, 'app:1', {
      signal: leaver.signal,
      onProgress: () => leaver.abort(new Error('left')),
    });
    await expect(leaves).rejects.toThrow('left');
    await eventually(() => expect([traffic[0]?.saving, loading]).toEqual([0, 0]));
    expect(traffic[1]?.loads).toBe(0);
  });
});

describe('bounds', () => {
  test('a slow target slows the source down instead of filling memory', async () => {
    const { fake, distribution, traffic } = await cluster([['app:1'], []], 512 * MIB);
    const leaver = new AbortController();
    const { engine } = fake.at(1);
    const copy = distribution.ensureOn(fake.at(1).node, 'app:1', {
      signal: leaver.signal,
      onProgress: () => void engine.apply({ kind: 'hang' }),
    });
    copy.catch(() => undefined); // Awaited below.
    let seen = -1;
    let unchanged = 0;
    await vi.waitFor(
      () => {
        const bytes = traffic[0]?.savedBytes ?? 0;
        unchanged = bytes === seen && bytes > 0 ? unchanged + 1 : 0;
        seen = bytes;
        expect(unchanged).toBeGreaterThan(5);
      },
      { timeout: 120_000, interval: 20 },
    );
    leaver.abort(new Error('seen enough'));
    await expect(copy).rejects.toThrow();
    expect(seen).toBeLessThan(64 * MIB);
  });

  test('one image to many nodes: few copies at once from one source, and new holders become sources', async () => {
    const others = Array.from({ length: 11 }, () => [] as string[]);
    const limits = { copiesPerSource: 2, copiesInAll: 6 };
    const { fake, distribution, traffic } = await cluster([['app:1'], ...others], 2 * MIB, limits);
    let active = 0;
    let most = 0;
    for (const engine of fake.engines) {
      engine.on('POST /images/load', (exchange) => {
        active += 1;
        most = Math.max(most, active);
        exchange.onClose(() => {
          active -= 1;
        });
        return false;
      });
    }
    await Promise.all(fake.nodes.map((node) => distribution.ensureOn(node, 'app:1')));
    expect(fake.nodes.every((node) => fake.cluster.images.meanings('app:1').has(node))).toBe(true);
    expect(most).toBeLessThanOrEqual(6);
    expect(Math.max(...traffic.map((each) => each.mostSaving))).toBeLessThanOrEqual(2);
    expect(traffic.filter((each) => each.saves > 0).length).toBeGreaterThan(1);
    expect(traffic.map((each) => each.saves).reduce((a, b) => a + b)).toBe(11);
  });
});

test('an image that another store calls by another ID is copied once', async () => {
  const { fake, distribution, traffic } = await cluster([['app:1'], []]);
  const { node, engine } = fake.at(1);
  const other = `sha256:${'e'.repeat(64)}`;
  engine.on('POST /images/load', (exchange) => {
    exchange.body = {
      data: () => undefined,
      end: () => {
        engine.state.addImage('app:1', other);
        exchange.json(200, '{"stream":"Loaded image: app:1\\n"}');
      },
    };
    return true;
  });
  const id = fake.at(0).engine.state.findImage('app:1')?.id ?? '';
  for (let i = 0; i < 2; i++) {
    expect(await distribution.ensureOn(node, 'app:1')).toEqual({ imageId: other, reference: 'app:1' });
  }
  // The ID that clients see stays the first one, and the first node does not get its own image back.
  expect(fake.cluster.images.find('app:1')?.id).toBe(id);
  await distribution.ensureOn(fake.at(0).node, 'app:1');
  expect(traffic.map(({ saves }) => saves)).toEqual([1, 0]);
});
