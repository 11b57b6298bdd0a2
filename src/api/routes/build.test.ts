import { once } from 'node:events';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { ImageApi } from '../../../test/fakes/image-api.ts';
import { carryImages } from '../../../test/fakes/image-archives.ts';
import { eventually } from '../../../test/fakes/wait.ts';
import { tar } from '../../common/tar.ts';

const ID = `sha256:${'7'.repeat(64)}`;
const open: ImageApi[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

/** Engines with a label each whose builder tags its image and says where it ran. */
async function api(count: number): Promise<ImageApi> {
  const engines = Array.from({ length: count }, (_, i) => ({ images: ['base:1'], labels: [`zone=${i + 1}`] }));
  const one = await ImageApi.start(engines);
  open.push(one);
  for (const engine of one.fake.engines) {
    engine.on('POST /build', (exchange) => {
      const chunks: Buffer[] = [];
      exchange.body = {
        data: (chunk) => void chunks.push(chunk),
        end: () => {
          for (const tag of exchange.query.getAll('t')) engine.state.addImage(tag, ID);
          const reply = exchange.stream('application/json');
          reply.write(
            `${JSON.stringify({ stream: `built ${Buffer.concat(chunks)} on ${engine.state.profile.name}` })}\r\n`,
          );
          reply.end();
        },
      };
      return true;
    });
  }
  return one;
}

function built(one: ImageApi): { readonly node: string; readonly query: URLSearchParams } {
  for (const engine of one.fake.engines) {
    const [request] = engine.requestsTo('POST /build');
    if (request) return { node: engine.state.profile.name, query: request.query };
  }
  throw new Error('nobody built');
}

describe('POST /build', () => {
  test('streams the context to one node; the image is known when the answer ends', async () => {
    const one = await api(2);
    const { status, text } = await one.call('POST', '/build?t=app:1&t=app:latest', { body: 'context' });
    expect(status).toBe(200);
    expect(text).toContain(`built context on ${built(one).node}`);
    expect(one.fake.cluster.images.find('app')?.id).toBe(ID);
    expect(one.fake.cluster.images.find('app:1')?.id).toBe(ID);
  });

  test.each(['1', '2', '3'])('goes where its arguments say: zone %s', async (zone) => {
    const one = await api(3);
    const args = { 'constraint:zone': `=${zone}`, VERSION: '5', EMPTY: null };
    await one.call('POST', `/build?t=app:1&buildargs=${encodeURIComponent(JSON.stringify(args))}`, { body: 'x' });
    expect(built(one).node).toBe(`node-${zone}`);
    expect(built(one).query.get('buildargs')).toBe('{"VERSION":"5","EMPTY":null}');
  });

  test('is refused when no node fits', async () => {
    const one = await api(1);
    const args = encodeURIComponent('{"constraint:zone":"=9"}');
    const { status, json } = await one.call('POST', `/build?buildargs=${args}`, { body: 'x' });
    expect(status).toBe(500);
    expect(json).toMatchObject({ message: expect.stringContaining('zone==9') });
    expect((await one.call('POST', '/build?memory=999999999999999', { body: 'x' })).status).toBe(500);
    expect((await one.call('POST', '/build?buildargs=[', { body: 'x' })).status).toBe(400);
  });

  test('holds its memory while it runs, so that the next one goes elsewhere', async () => {
    const one = await api(2);
    const releases = one.fake.engines.map((engine) => engine.stall('POST /build'));
    const memory = 12 * 2 ** 30;
    const builds = [1, 2].map(() => one.call('POST', `/build?memory=${memory}`, { body: 'x' }));
    await eventually(() => {
      expect(one.fake.engines.map((engine) => engine.requestsTo('POST /build').length)).toEqual([1, 1]);
    });
    for (const release of releases) release();
    await Promise.all(builds);
    expect(one.fake.nodes.map((node) => node.reservedMemoryBytes)).toEqual([0, 0]);
  });

  test('can be cancelled where it runs', async () => {
    const one = await api(2);
    const releases = one.fake.engines.map((engine) => engine.stall('POST /build'));
    for (const engine of one.fake.engines) engine.lie('POST /build/cancel', 200, '');
    const build = one.call('POST', '/build?buildid=b1', { body: 'x' });
    await eventually(() => built(one));
    expect((await one.call('POST', '/build/cancel?id=b1')).status).toBe(200);
    const { node } = built(one);
    const asked = one.fake.engines.find((engine) => engine.requestsTo('POST /build/cancel').length > 0);
    expect(asked?.state.profile.name).toBe(node);
    for (const release of releases) release();
    await build;
    expect((await one.call('POST', '/build/cancel?id=b1')).status).toBe(404);
  });
});

test('POST /build/prune adds up the nodes', async () => {
  const one = await api(2);
  for (const [i, engine] of one.fake.engines.entries()) {
    engine.lie('POST /build/prune', 200, { CachesDeleted: [`cache-${i}`], SpaceReclaimed: 10 });
  }
  const { json } = await one.call('POST', '/build/prune?all=1');
  expect(json).toEqual({ CachesDeleted: ['cache-0', 'cache-1'], SpaceReclaimed: 20 });
});

describe('what a Dockerfile builds on', async () => {
  const file = (path: string, content: string) => ({ path, mode: 0o644, content: Buffer.from(content) });
  const dockerfile = file('Dockerfile', 'ARG TAG=1\nFROM mine:$TAG\nCOPY --from=tools:1 a b\n');
  const padding = file('a-first', 'x'.repeat(3_000_000));

  test.each([
    ['plain', await tar([dockerfile])],
    ['late in the context', await tar([padding, dockerfile, padding])],
    ['gzipped', gzipSync(await tar([padding, dockerfile]))],
    ['absent', await tar([padding])],
    ['no archive', Buffer.from('x')],
    ['empty', Buffer.alloc(0)],
  ])('comes from the node that has it; the context arrives whole (%s)', async (name, context) => {
    const one = await api(2);
    const { builder } = one.images.builds;
    const [at, other] = builder === one.fake.nodes[0] ? [0, 1] : [1, 0];
    const traffic = one.fake.engines.map((engine) => carryImages(engine));
    for (const tag of ['mine:1', 'tools:1']) one.fake.at(other).engine.state.addImage(tag);
    await one.fake.at(other).node.refreshImages();
    const received: Buffer[] = [];
    const { engine } = one.fake.at(at);
    engine.on('POST /build', (exchange) => {
      const hasBases = ['mine:1', 'tools:1'].every((tag) => engine.state.findImage(tag) !== undefined);
      exchange.body = {
        data: (chunk) => void received.push(Buffer.from(chunk)),
        end: () => exchange.json(200, JSON.stringify({ stream: String(hasBases) })),
      };
      return true;
    });
    const { json } = await one.call('POST', '/build', { body: new Uint8Array(context) });
    const isRead = !['absent', 'no archive', 'empty'].includes(name);
    expect(json).toEqual({ stream: String(isRead) });
    expect(traffic[at]?.loads).toBe(isRead ? 2 : 0);
    expect(Buffer.concat(received).equals(context)).toBe(true);
  });

  test('is left to the engine when nobody has it, and with --pull', async () => {
    const one = await api(2);
    const body = new Uint8Array(await tar([dockerfile]));
    for (const query of ['', '?pull=1']) expect((await one.call('POST', `/build${query}`, { body })).status).toBe(200);
    expect(one.fake.engines.flatMap((engine) => engine.requestsTo('GET /images/get'))).toEqual([]);
  });
});

describe('BuildKit', () => {
  test('sessions of all clients go to one node; what it tagged is known when they end', async () => {
    const one = await api(3);
    const heads: { readonly node: string; readonly methods: readonly unknown[] }[] = [];
    const method = 'x-docker-expose-session-grpc-method';
    for (const engine of one.fake.engines) {
      for (const path of ['/grpc', '/session']) {
        engine.on(`POST ${path}`, (exchange) => {
          // The first line of that name, and the last.
          const methods = [exchange.head.field(method), exchange.head.fields()[method]];
          heads.push({ node: engine.state.profile.name, methods });
          const reply = exchange.hijack(
            (chunk) => reply.write(chunk),
            () => {
              engine.state.addImage('kit:1', ID);
              reply.end();
            },
          );
          return true;
        });
      }
    }
    for (const path of ['/grpc', '/session', '/grpc'])
      expect(await converse(one, path, 'hello')).toMatch(/101 .*hello$/s);
    expect(new Set(heads.map(({ node }) => node)).size).toBe(1);
    expect(heads[1]?.methods).toEqual(['/a', '/b']);
    await eventually(() => expect(one.fake.cluster.images.find('kit:1')?.id).toBe(ID));
  });

  test('a tag written in a session that is still open means the new image for the very next request', async () => {
    const one = await api(2);
    const older = `sha256:${'6'.repeat(64)}`;
    for (const engine of one.fake.engines) {
      const image = engine.state.addImage('app:1', older);
      for (const name of ['app', 'fresh']) engine.lie(`POST /images/${name}/push`, 200, { status: 'pushed' });
      engine.on('POST /session', (exchange) => {
        const reply = exchange.hijack(
          (chunk) => {
            image.tags.length = 0;
            engine.state.addImage('app:1', ID);
            engine.state.addImage('fresh:1', ID);
            reply.write(chunk);
          },
          () => reply.end(),
        );
        return true;
      });
    }
    await Promise.all(one.fake.nodes.map((node) => node.refreshImages()));
    const socket = connect({ port: Number(new URL(one.url).port), host: '127.0.0.1' });
    socket.write('POST /session HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await once(socket, 'data');
    socket.write('build');
    await once(socket, 'data');
    expect((await one.call('GET', '/images/app:1/json')).json).toMatchObject({ Id: ID });
    for (const name of ['fresh', 'app']) {
      expect(await one.call('POST', `/images/${name}/push?tag=1`)).toMatchObject({ status: 200 });
      const pushers = one.fake.engines.filter((engine) => engine.requestsTo(`POST /images/${name}/push`).length > 0);
      expect(pushers.map((engine) => engine.state.profile.name)).toEqual([one.images.builds.builder.name]);
    }
    socket.destroy();
  });

  test('goes to another node when its node is lost', async () => {
    const one = await api(2);
    const first = one.fake.nodes.indexOf(one.images.builds.builder);
    expect(one.images.builds.builder).toBe(one.fake.nodes[first]);
    await one.fake.at(first).engine.apply({ kind: 'refuse' });
    await vi.waitFor(() => expect(one.fake.nodes[first]?.isHealthy).toBe(false), 120_000);
    expect(one.images.builds.builder).toBe(one.fake.nodes[1 - first]);
  });

  /** Upgrades, says `text`, half-closes, and returns all that came. */
  async function converse(one: ImageApi, path: string, text: string): Promise<string> {
    const socket = connect({ port: Number(new URL(one.url).port), host: '127.0.0.1', allowHalfOpen: true });
    const method = 'X-Docker-Expose-Session-Grpc-Method';
    socket.write(
      `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${method}: /a\r\n${method}: /b\r\n\r\n`,
    );
    const [head] = (await once(socket, 'data')) as [Buffer];
    let received = head.toString();
    socket.on('data', (chunk) => {
      received += chunk.toString();
    });
    socket.end(text);
    await once(socket, 'end');
    return received;
  }
});

describe('POST /commit', () => {
  test('goes to the container’s node and leaves its identity behind', async () => {
    const one = await api(2);
    const identity = 'c'.repeat(64);
    const { engine, node } = one.fake.at(1);
    const container = engine.run({ name: 'web', labels: { 'com.docker.swarm.id': identity, kept: '1' } });
    await node.refreshContainers([container.id]);
    const bodies: unknown[] = [];
    engine.on('POST /commit', (exchange) => {
      exchange.readJson((body) => {
        bodies.push(body);
        engine.state.addImage(`${exchange.query.get('repo')}:${exchange.query.get('tag') || 'latest'}`, ID);
        exchange.json(201, JSON.stringify({ Id: ID }));
      });
      return true;
    });
    const query = `container=web&repo=snapshot&comment=a%20b`;
    const headers = { 'Content-Type': 'application/json' };
    const first = await one.call('POST', `/commit?${query}`, { headers, body: '{"Cmd":["sh"],"Labels":{"a":"b"}}' });
    expect([first.status, first.json]).toEqual([201, { Id: ID }]);
    expect(one.fake.cluster.images.find('snapshot')?.id).toBe(ID);
    for (const body of ['', 'null', '{}'])
      await one.call('POST', '/commit?container=web&repo=again', { headers, body });
    expect(bodies).toEqual([
      { Cmd: ['sh'], Labels: { a: 'b', 'com.docker.swarm.id': '' } },
      ...Array.from({ length: 3 }, () => ({ Labels: { 'com.docker.swarm.id': '' } })),
    ]);
    const [commit] = engine.requestsTo('POST /commit');
    expect([commit?.query.get('container'), commit?.query.get('comment')]).toEqual([container.id, 'a b']);
  });

  test('needs a container that exists', async () => {
    const one = await api(1);
    expect((await one.call('POST', '/commit?container=nothing')).status).toBe(404);
    expect((await one.call('POST', '/commit')).status).toBe(400);
  });
});
