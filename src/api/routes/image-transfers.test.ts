import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import type { FakeEngine, FakeEngineOptions } from '../../../simulator/fake-engine.ts';
import { ImageApi } from '../../../test/fakes/image-api.ts';
import { type ArchiveTraffic, carryImages } from '../../../test/fakes/image-archives.ts';
import { eventually } from '../../../test/fakes/wait.ts';
import type { ImageServiceOptions } from '../../images/image-service.ts';

const MIB = 2 ** 20;
const open: ImageApi[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function api(
  engines: readonly (readonly string[] | FakeEngineOptions)[],
  options: Partial<ImageServiceOptions> = {},
): Promise<ImageApi & { traffic: readonly ArchiveTraffic[] }> {
  const engineOptions = engines.map(
    (each) => (Array.isArray(each) ? { images: ['base:1', ...each] } : each) as FakeEngineOptions,
  );
  const started = await ImageApi.start(engineOptions, options);
  open.push(started);
  return Object.assign(started, { traffic: started.fake.engines.map((engine) => carryImages(engine)) });
}

/** The lines of a progress stream. */
function linesOf(text: string): Record<string, unknown>[] {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** An archive as the fake engines carry them. */
function archive(images: readonly { id: string; tags: readonly string[] }[], bytes = 64 * 1024): Buffer {
  const block = Buffer.alloc(bytes);
  block.write(`${JSON.stringify(images)}\n`);
  return block;
}

const ID = `sha256:${'7'.repeat(64)}`;

describe('pull', () => {
  test('goes to every healthy node, with a line for each, and what is pulled is listed', async () => {
    const one = await api([[], [], []]);
    const { status, text } = await one.call('POST', '/images/create?fromImage=docker.io%2Flibrary%2Fredis&tag=7', {
      headers: { 'X-Registry-Auth': 'c2VjcmV0' },
    });
    expect(status).toBe(200);
    const lines = linesOf(text);
    for (const node of one.fake.nodes) {
      const own = lines.filter((line) => line.id === node.name).map((line) => line.status);
      expect(own.at(0)).toBe('Pulling docker.io/library/redis:7...');
      expect(own.at(-1)).toBe('Pulling docker.io/library/redis:7... : downloaded');
      expect(one.fake.cluster.images.meanings('redis:7').has(node)).toBe(true);
    }
    expect(lines.at(-1)).toEqual({ status: 'Status: Downloaded newer image for redis:7' });
    for (const engine of one.fake.engines) {
      expect(engine.requestsTo('POST /images/create').map(({ fields }) => fields['x-registry-auth'])).toEqual([
        'c2VjcmV0',
      ]);
    }
  });

  test('adds up the layers of a node', async () => {
    const one = await api([[], []]);
    for (const engine of one.fake.engines) {
      progress(engine, [
        { status: 'Pulling from library/redis', id: '7' },
        { status: 'Pulling fs layer', progressDetail: {}, id: 'a' },
        { status: 'Downloading', progressDetail: { current: 10, total: 100 }, id: 'a' },
        { status: 'Downloading', progressDetail: { current: 5, total: 50 }, id: 'b' },
        { status: 'Digest: sha256:1' },
      ]);
    }
    const lines = linesOf((await one.call('POST', '/images/create?fromImage=redis&tag=7')).text);
    expect(lines).toContainEqual({ status: 'Downloading', progressDetail: { current: 10, total: 100 }, id: 'node-1' });
    expect(lines.at(-1)).toEqual({ status: 'Digest: sha256:1' });
  });

  test('counts as done when some nodes have it, and says which failed', async () => {
    const one = await api([[], []]);
    one.fake.at(1).engine.lie('POST /images/create', 500, { message: 'no space left on device' });
    const { status, text } = await one.call('POST', '/images/create?fromImage=redis&tag=7');
    expect(status).toBe(200);
    expect(text).not.toContain('errorDetail');
    expect(linesOf(text)).toContainEqual({
      status: 'Pulling redis:7... : failed: no space left on device',
      progressDetail: {},
      id: 'node-2',
    });
    await one.images.distribution.ensureOn(one.fake.at(1).node, 'redis:7');
    expect(one.fake.at(1).engine.state.findImage('redis:7')).toBeDefined();
  });

  test.each([
    ['before the progress', 404, JSON.stringify({ message: 'manifest unknown' }), 404],
    [
      'within it',
      200,
      '{"status":"Pulling"}\n{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}',
      200,
    ],
  ])('fails when all nodes fail %s', async (_when, engineStatus, body, expected) => {
    const one = await api([[], []]);
    for (const engine of one.fake.engines) engine.lie('POST /images/create', engineStatus, body);
    const { status, text } = await one.call('POST', '/images/create?fromImage=nothing&tag=1');
    expect(status).toBe(expected);
    const message = 'manifest unknown (nodes node-1, node-2)';
    const last = linesOf(text).at(-1);
    expect(last).toEqual(expected === 200 ? { errorDetail: { message }, error: message } : { message });
  });

  test('asks one node when the cluster is told so, and passes its own progress on', async () => {
    const one = await api([[], [], []], { pull: 'one' });
    const { text } = await one.call('POST', '/images/create?fromImage=redis&tag=7');
    expect(one.fake.engines.flatMap((engine) => engine.requestsTo('POST /images/create'))).toHaveLength(1);
    expect(linesOf(text)[0]).toEqual({ status: 'Pulling from redis', id: '7' });
    expect(one.fake.cluster.images.find('redis:7')?.holders.size).toBe(1);
  });

  test('takes the tag from older images on the nodes it does not ask', async () => {
    const one = await api([['redis:7'], ['redis:7'], []], { pull: 'one' });
    for (const engine of one.fake.engines) {
      engine.on('POST /images/create', (exchange) => {
        for (const image of engine.state.images.values()) {
          if (image.tags.includes('redis:7')) image.tags.splice(0);
        }
        engine.state.addImage('redis:7', ID);
        exchange.json(200, '{"status":"Status: Downloaded newer image for redis:7"}\n');
        return true;
      });
    }
    await one.call('POST', '/images/create?fromImage=redis&tag=7');
    expect((await one.call('GET', '/images/redis:7/json')).json).toMatchObject({ Id: ID });
    await eventually(() => {
      expect(new Set(one.fake.cluster.images.meanings('redis:7').values())).toEqual(new Set([ID]));
    });
  });

  test('stops on all nodes when the client leaves', async () => {
    const one = await api([[], []]);
    let openCalls = 0;
    for (const engine of one.fake.engines) {
      engine.on('POST /images/create', (exchange) => {
        openCalls += 1;
        const reply = exchange.stream('application/json');
        // A closed connection shows when it is written to.
        const timer = setInterval(() => reply.write('{"status":"Waiting","id":"7"}\n'), 10);
        exchange.onClose(() => {
          clearInterval(timer);
          openCalls -= 1;
        });
        return true;
      });
    }
    const leaver = new AbortController();
    const response = await fetch(`${one.url}/images/create?fromImage=redis&tag=7`, {
      method: 'POST',
      signal: leaver.signal,
    });
    expect(response.status).toBe(200);
    await eventually(() => expect(openCalls).toBe(2));
    leaver.abort();
    await eventually(() => expect(openCalls).toBe(0));
  });

  function progress(engine: FakeEngine, messages: readonly unknown[]): void {
    const body = messages.map((message) => `${JSON.stringify(message)}\r\n`).join('');
    engine.lie('POST /images/create', 200, body);
  }
});

describe('load and save', () => {
  test('a load goes to one node, is found at once, and comes to the others when they need it', async () => {
    const one = await api([[], [], []]);
    const { status, text } = await one.call('POST', '/images/load?quiet=1', {
      body: archive([{ id: ID, tags: ['app:1'] }]),
    });
    expect([status, linesOf(text)]).toEqual([200, [{ stream: 'Loaded image: app:1\n' }]]);
    expect((await one.call('GET', '/images/app:1/json')).json).toMatchObject({ Id: ID });
    expect(one.fake.cluster.images.find('app:1')?.holders.size).toBe(1);
    await Promise.all(one.fake.nodes.map((node) => one.images.distribution.ensureOn(node, 'app:1')));
    expect(one.fake.cluster.images.find('app:1')?.holders.size).toBe(3);
  });

  test('a load gives the tag its new meaning everywhere', async () => {
    const one = await api([['app:1'], ['app:1'], ['app:1']]);
    await one.call('POST', '/images/load', { body: archive([{ id: ID, tags: ['app:1'] }]) });
    expect((await one.call('GET', '/images/app:1/json')).json).toMatchObject({ Id: ID });
    await eventually(() => {
      expect(new Set(one.fake.cluster.images.meanings('app:1').values())).toEqual(new Set([ID]));
    });
  });

  test('passes the engine’s refusal on', async () => {
    const one = await api([[]]);
    one.fake.at(0).engine.lie('POST /images/load', 500, { message: 'invalid tar header' });
    const { status, json } = await one.call('POST', '/images/load', { body: 'not an archive' });
    expect([status, json]).toEqual([500, { message: 'invalid tar header' }]);
  });

  test.each(['/images/docker.io/library/app:1/get', '/images/get?names=app%3A1'])(
    'saves byte for byte: %s',
    async (path) => {
      const one = await api([[], ['app:1']]);
      const content = randomBytes(4 * MIB);
      one.fake.at(1).engine.on('GET /images/get', (exchange) => {
        const reply = exchange.stream('application/x-tar');
        for (let at = 0; at < content.length; at += 50_000) reply.write(content.subarray(at, at + 50_000));
        reply.end();
        return true;
      });
      const response = await fetch(one.url + path);
      expect(response.headers.get('content-type')).toBe('application/x-tar');
      expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(sha256(content));
    },
  );

  test('saves images of different nodes together from one of them', async () => {
    const one = await api([['app:1'], ['web:1', 'web:2']]);
    const { status, text } = await one.call('GET', '/images/get?names=app:1&names=web');
    expect(status).toBe(200);
    const saved = JSON.parse(text.slice(0, text.indexOf('\n'))) as { tags: string[] }[];
    expect(saved.flatMap(({ tags }) => tags).sort()).toEqual(['app:1', 'web:1', 'web:2']);
    expect(one.traffic[0]?.loads).toBe(0);
    expect(one.traffic[1]?.loads).toBe(1);
  });

  test.each(['/images/nothing/get', '/images/get?names=base:1&names=nothing'])('says 404: %s', async (path) => {
    const one = await api([['app:1']]);
    expect((await one.call('GET', path)).status).toBe(404);
  });
});

test('an import goes to one node under its name', async () => {
  const one = await api([[], []]);
  for (const engine of one.fake.engines) {
    engine.on('POST /images/create', (exchange) => {
      exchange.body = {
        data: () => undefined,
        end: () => {
          engine.state.addImage(`${exchange.query.get('repo')}:${exchange.query.get('tag') || 'latest'}`, ID);
          exchange.json(200, JSON.stringify({ status: ID }));
        },
      };
      return true;
    });
  }
  const answer = await one.call('POST', '/images/create?fromSrc=-&repo=imported&tag=', { body: 'tar' });
  expect(answer.json).toEqual({ status: ID });
  expect(one.fake.cluster.images.find('imported')?.holders.size).toBe(1);
});

describe('push', () => {
  test('is done by a node that has the tag', async () => {
    const one = await api([[], ['localhost:5000/app:1']]);
    one.fake.at(1).engine.lie('POST /images/localhost:5000/app/push', 200, '{"status":"1: digest: sha256:1 size: 1"}');
    one.fake
      .at(1)
      .engine.lie('POST /images/localhost%3A5000/app/push', 200, '{"status":"1: digest: sha256:1 size: 1"}');
    const answer = await one.call('POST', '/images/localhost:5000/app/push?tag=1', {
      headers: { 'X-Registry-Auth': 'c2VjcmV0' },
    });
    expect(answer.json).toEqual({ status: '1: digest: sha256:1 size: 1' });
    const [push] = one.fake.at(1).engine.requestsTo('POST /images/localhost*');
    expect([push?.query.get('tag'), push?.fields['x-registry-auth']]).toEqual(['1', 'c2VjcmV0']);
  });

  test('of an unknown image is a 404', async () => {
    const one = await api([['app:1']]);
    expect((await one.call('POST', '/images/app/push?tag=2')).status).toBe(404);
  });
});

test('questions to registries go to another node when one does not answer', async () => {
  const one = await api([[], []]);
  for (const engine of one.fake.engines) {
    engine.lie('GET /distribution/redis/json', 200, { Descriptor: {} });
    engine.lie('GET /images/search', 200, [{ name: 'redis' }]);
    engine.lie('POST /auth', 401, { message: 'incorrect username or password' });
  }
  one.fake.at(0).engine.on('GET /distribution/redis/json', () => {
    void one.fake.at(0).engine.apply({ kind: 'refuse' });
    return true;
  });
  expect((await one.call('GET', '/distribution/redis/json')).json).toEqual({ Descriptor: {} });
  expect((await one.call('GET', '/images/search?term=redis')).json).toEqual([{ name: 'redis' }]);
  const login = await one.call('POST', '/auth', {
    body: '{"username":"a"}',
    headers: { 'Content-Type': 'application/json' },
  });
  expect([login.status, login.json]).toEqual([401, { message: 'incorrect username or password' }]);
});

function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
