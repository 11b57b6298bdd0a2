import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiFixture, idOf } from '../../../test/fakes/api-fixture.ts';
import {
  type Script,
  ScriptedEngine,
  type TestCertificates,
  testCertificates,
} from '../../../test/fakes/scripted-engine.ts';

let certificates: TestCertificates;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  certificates = await testCertificates();
});

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

interface Served {
  readonly engine: ScriptedEngine;
  readonly api: ApiFixture;
}

async function serve(
  script: Script,
  options: { tls?: boolean; identities?: Record<string, string> } = {},
): Promise<Served> {
  const tls = options.tls ? certificates : undefined;
  const engine = await ScriptedEngine.start(script, tls);
  const api = await ApiFixture.start({
    connectors: [engine.connector],
    tls: tls?.server,
    identities: options.identities ?? {},
  });
  open.push(api, engine);
  return { engine, api };
}

function onRequest(answer: (req: http.IncomingMessage, res: http.ServerResponse) => void): Script {
  return { onRequest: answer };
}

/** Sends a request over the transport the API listens on and gives the answer, its body unread. */
async function request(
  api: ApiFixture,
  path: string,
  options: http.RequestOptions & { body?: Readable | string; tls?: boolean } = {},
): Promise<http.IncomingMessage> {
  const { body, tls, ...rest } = options;
  const secure = tls
    ? { ca: certificates.client.ca, cert: certificates.client.cert, key: certificates.client.key }
    : {};
  const all = { host: '127.0.0.1', port: api.port, path, agent: false, ...secure, ...rest };
  const req = tls ? https.request(all) : http.request(all);
  const answered = once(req, 'response');
  req.on('error', () => undefined);
  if (body instanceof Readable) {
    req.flushHeaders();
    body.pipe(req);
  } else req.end(body);
  const [res] = (await answered) as [http.IncomingMessage];
  return res;
}

async function text(res: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of res) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** `megabytes` of bytes that are not all alike, as a stream that honours back-pressure. */
function* blocks(megabytes: number): Generator<Buffer> {
  const block = Buffer.alloc(1024 * 1024);
  for (let i = 0; i < block.length; i++) block[i] = i * 31;
  for (let i = 0; i < megabytes; i++) {
    block.writeUInt32BE(i, 0);
    yield Buffer.from(block);
  }
}

function digest(): ReturnType<typeof createHash> {
  return createHash('sha1');
}

async function digestOf(chunks: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<string> {
  const hash = digest();
  for await (const chunk of chunks) hash.update(chunk);
  return hash.digest('hex');
}

describe.each([
  ['plain TCP', false],
  ['TLS on both hops', true],
])('downloads over %s', (_what, tls) => {
  it('are byte-exact and need flat memory', async () => {
    const { api } = await serve(
      onRequest((_req, res) => void Readable.from(blocks(256)).pipe(res)),
      { tls },
    );
    const res = await request(api, '/containers/abc/export', { tls });
    const before = process.memoryUsage().rss;
    let peak = before;
    const hash = digest();
    for await (const chunk of res) {
      hash.update(chunk as Buffer);
      peak = Math.max(peak, process.memoryUsage().rss);
    }
    expect(hash.digest('hex')).toBe(await digestOf(blocks(256)));
    // Engine, manager and client all live in this process.
    expect(peak - before).toBeLessThan(192 * 1024 * 1024);
  }, 180_000);

  it('carry the engine’s head with our headers, and end the connection', async () => {
    const { api, engine } = await serve(
      onRequest((req, res) => {
        res.writeHead(200, {
          'Content-Type': 'application/x-tar',
          'X-Docker-Container-Path-Stat': 'e30=',
          Server: 'Docker/1',
        });
        res.end(`from ${req.url}`);
      }),
      { tls },
    );
    const res = await request(api, '/v1.41/containers/abc/archive?path=%2Fetc%2Fa%20b', { tls });
    expect(res.headers).toMatchObject({
      'content-type': 'application/x-tar',
      'x-docker-container-path-stat': 'e30=',
      'api-version': '1.51',
      server: 'Enxame/0.0.0-test (linux)',
      connection: 'close',
    });
    expect(await text(res)).toBe('from /v1.40/containers/abc/archive?path=%2Fetc%2Fa%20b');
    await expect.poll(() => engine.openConnections).toBe(0);
  });

  it('end the engine’s connection when the client leaves, before and after the head', async () => {
    const { api, engine } = await serve(
      onRequest((req, res) => {
        if (req.url?.includes('export')) return;
        res.write('first');
      }),
      { tls },
    );
    const res = await request(api, '/containers/abc/logs?follow=1', { tls });
    const waiting = request(api, '/containers/abc/export', { tls }).catch(() => undefined);
    await expect.poll(() => engine.openConnections).toBe(2);
    res.destroy();
    await expect.poll(() => engine.openConnections).toBe(1);
    const socket = await api.connect(tls ? ({ ...certificates.client } as never) : {});
    socket.write('GET /containers/abc/export HTTP/1.1\r\nHost: x\r\n\r\n');
    await expect.poll(() => engine.openConnections).toBe(2);
    socket.destroy();
    await expect.poll(() => engine.openConnections).toBe(1);
    await api.close();
    await waiting;
    await expect.poll(() => engine.openConnections).toBe(0);
  });

  it('are cut, not ended, when the engine breaks off', async () => {
    const { api, engine } = await serve(
      onRequest((_req, res) => void res.write('half')),
      { tls },
    );
    const res = await request(api, '/containers/abc/export', { tls });
    const received = text(res);
    await expect.poll(() => engine.openConnections).toBe(1);
    for (const socket of engine.sockets) socket.resetAndDestroy();
    await expect(received).rejects.toThrow(/aborted|reset/);
  });

  it('slow the engine down to the client’s speed', async () => {
    let produced = 0;
    const source = function* (): Generator<Buffer> {
      for (const block of blocks(512)) {
        produced += block.length;
        yield block;
      }
    };
    const { api } = await serve(
      onRequest((_req, res) => void Readable.from(source()).pipe(res)),
      { tls },
    );
    const res = await request(api, '/containers/abc/export', { tls });
    const [first] = (await once(res, 'data')) as [Buffer];
    res.pause();
    expect(first.length).toBeGreaterThan(0);
    let last = -1;
    await expect
      .poll(
        () => {
          const isStill = produced === last;
          last = produced;
          return isStill;
        },
        { interval: 300, timeout: 120_000 },
      )
      .toBe(true);
    expect(produced).toBeLessThan(64 * 1024 * 1024);
    res.destroy();
  });
});

describe('downloads', () => {
  it('pass an engine’s refusal on', async () => {
    const { api } = await serve(
      onRequest(
        (_req, res) =>
          void res.writeHead(404, { 'Content-Type': 'application/json' }).end('{"message":"no such file"}'),
      ),
    );
    const res = await request(api, '/containers/abc/archive?path=/x');
    expect([res.statusCode, await text(res)]).toEqual([404, '{"message":"no such file"}']);
  });

  it('work for HTTP/1.0, which knows no chunks', async () => {
    const { api } = await serve(
      onRequest((_req, res) => {
        res.write('one ');
        res.end('two');
      }),
    );
    const socket = await api.connect();
    socket.write('GET /containers/abc/logs HTTP/1.0\r\n\r\n');
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1.1 200 OK\r\n[\s\S]*\r\n\r\none two$/);
    expect(answer).not.toMatch(/transfer-encoding/i);
  });

  it('keep the order of pipelined requests', async () => {
    const { api } = await serve(
      onRequest((req, res) => void setTimeout(() => res.end(req.url), req.url?.includes('top') ? 30 : 0)),
    );
    const socket = await api.connect();
    socket.write(
      'GET /containers/abc/top HTTP/1.1\r\nHost: x\r\n\r\nGET /containers/abc/logs HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    const answer = await text(socket);
    expect(answer.match(/\/v1.40\/containers\/abc\/(top|logs)/g)).toEqual([
      '/v1.40/containers/abc/top',
      '/v1.40/containers/abc/logs',
    ]);
  });

  it('say which node cannot be asked', async () => {
    const { api } = await serve({});
    const [node] = api.nodes;
    if (node) node.isHealthy = false;
    const res = await request(api, '/containers/abc/logs');
    expect([res.statusCode, await text(res)]).toEqual([
      503,
      '{"message":"container abc is on node node-0, which is unhealthy: no answer for 10s. Try again when the node is back."}\n',
    ]);
  });

  it('of endless answers end well when the manager stops', async () => {
    const { api } = await serve(onRequest((_req, res) => void res.write('a line\n')));
    const res = await request(api, '/containers/abc/logs?follow=1');
    const received = text(res);
    await expect.poll(() => res.socket?.bytesRead ?? 0).toBeGreaterThan(100);
    await api.server.close({ graceMs: 3_000 });
    expect(await received).toBe('a line\n');
  });
});

describe('HEAD archive', () => {
  it('gives the head alone', async () => {
    const { api } = await serve(
      onRequest((req, res) => void res.writeHead(200, { 'X-Docker-Container-Path-Stat': req.method ?? '' }).end()),
    );
    const res = await request(api, '/containers/abc/archive?path=/', { method: 'HEAD' });
    expect([res.statusCode, res.headers['x-docker-container-path-stat']]).toEqual([200, 'HEAD']);
  });
});

describe('stats', () => {
  const engineId = idOf('a');
  const clusterId = idOf('b');
  const script = onRequest((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.write(`{"name":"/web","id":"${engineId.slice(0, 30)}`);
    setTimeout(() => res.end(`${engineId.slice(30)}","n":18446744073709551615}\n`), 10);
  });

  it('carry the ID clients know', async () => {
    const { api } = await serve(script, { identities: { [engineId]: clusterId } });
    const res = await request(api, `/containers/${engineId}/stats`);
    expect(await text(res)).toBe(`{"name":"/web","id":"${clusterId}","n":18446744073709551615}\n`);
  });

  it('are bytes when it is the engine’s own', async () => {
    const { api } = await serve(script);
    expect(await text(await request(api, `/containers/${engineId}/stats`))).toContain(engineId);
  });
});

describe('wait', () => {
  it('gives its head at once and its body when the engine does', async () => {
    let exit: () => void = () => undefined;
    const { api } = await serve(
      onRequest((req, res) => {
        expect(req.url).toContain('/wait?condition=next-exit');
        res.writeHead(200, { 'Content-Type': 'application/json' });
        res.flushHeaders();
        exit = () => void res.end('{"StatusCode":7}\n');
      }),
    );
    const res = await request(api, '/containers/abc/wait?condition=next-exit', { method: 'POST' });
    expect(res.statusCode).toBe(200);
    exit();
    expect(await text(res)).toBe('{"StatusCode":7}\n');
  });

  it('says so when the node is lost', async () => {
    const { api, engine } = await serve(
      onRequest((_req, res) => {
        res.writeHead(200);
        res.flushHeaders();
      }),
    );
    const res = await request(api, '/containers/abc/wait', { method: 'POST' });
    for (const socket of engine.sockets) socket.destroy();
    // No JSON: the docker CLI would take its StatusCode for the container's, and end with 0.
    expect(await text(res)).toMatch(/^node node-0 was lost while waiting for container abc: /);
  });
});

describe.each([
  ['plain TCP', false],
  ['TLS on both hops', true],
])('uploads over %s', (_what, tls) => {
  it.each([
    ['chunked', {}],
    ['with a length', { 'Content-Length': String(64 * 1024 * 1024) }],
  ])('are byte-exact, %s', async (_how, headers) => {
    const { api } = await serve(
      onRequest((req, res) => void digestOf(req).then((hash) => res.end(hash))),
      { tls },
    );
    const body = Readable.from(blocks(64));
    const res = await request(api, '/containers/abc/archive?path=/', { method: 'PUT', body, headers, tls });
    expect(await text(res)).toBe(await digestOf(blocks(64)));
  });

  it('give an early refusal to a client that is still sending', async () => {
    const { api, engine } = await serve(
      // An engine answers, stops reading, and lingers before it closes (Go's net/http: half a second).
      onRequest((req) => {
        req.once('data', () => {
          req.pause();
          req.socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 23\r\n\r\n{"message":"read-only"}');
          setTimeout(() => req.socket.destroy(), 200);
        });
      }),
      { tls },
    );
    const body = Readable.from(blocks(512));
    const res = await request(api, '/containers/abc/archive?path=/', { method: 'PUT', body, tls });
    expect([res.statusCode, await text(res)]).toEqual([400, '{"message":"read-only"}']);
    body.destroy();
    res.destroy();
    await expect.poll(() => engine.openConnections).toBe(0);
  });

  it('end at the engine when the client leaves', async () => {
    let broken = false;
    const { api, engine } = await serve(
      onRequest((req) => {
        req.once('close', () => {
          broken = !req.complete;
        });
        req.resume();
      }),
      { tls },
    );
    const socket = await api.connect(tls ? ({ ...certificates.client } as never) : {});
    socket.write('PUT /containers/abc/archive?path=/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf');
    await expect.poll(() => engine.openConnections).toBe(1);
    socket.destroy();
    await expect.poll(() => engine.openConnections).toBe(0);
    expect(broken).toBe(true);
  });

  it('slow the client down to the engine’s speed', async () => {
    const { api } = await serve(
      onRequest((req) => void req.once('data', () => req.pause())),
      { tls },
    );
    let produced = 0;
    const source = function* (): Generator<Buffer> {
      for (const block of blocks(512)) {
        produced += block.length;
        yield block;
      }
    };
    const body = Readable.from(source());
    const pending = request(api, '/containers/abc/archive?path=/', { method: 'PUT', body, tls }).catch(() => undefined);
    let last = -1;
    await expect
      .poll(
        () => {
          const isStill = produced === last && produced > 0;
          last = produced;
          return isStill;
        },
        { interval: 300, timeout: 120_000 },
      )
      .toBe(true);
    expect(produced).toBeLessThan(64 * 1024 * 1024);
    body.destroy();
    await api.close();
    void pending;
  });
});

describe('uploads', () => {
  it('pass answers on that begin before the body ends', async () => {
    const { api } = await serve(
      onRequest((req, res) => {
        res.writeHead(200);
        res.write('got ');
        void text(req).then((body) => res.end(body));
      }),
    );
    const body = new Readable({ read: () => undefined });
    const res = await request(api, '/containers/abc/archive?path=/', { method: 'PUT', body });
    expect(res.statusCode).toBe(200);
    body.push('it');
    body.push(null);
    expect(await text(res)).toBe('got it');
  });

  it('ask for the body only when the container is there', async () => {
    const { api } = await serve(onRequest((req, res) => void text(req).then((body) => res.end(body))));
    const put = (reference: string): string =>
      `PUT /containers/${reference}/archive?path=/ HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n`;
    const refused = await api.connect();
    refused.write(put('missing'));
    expect(await firstLine(refused)).toBe('HTTP/1.1 404 Not Found');
    refused.destroy();
    const wanted = await api.connect();
    wanted.write(put('abc'));
    expect(await firstLine(wanted)).toBe('HTTP/1.1 100 Continue');
    wanted.write('ok');
    expect(await text(wanted)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*ok/);
  });

  it('say so when the engine breaks off', async () => {
    const { api } = await serve(onRequest((req) => void req.socket.destroy()));
    const res = await request(api, '/containers/abc/archive?path=/', { method: 'PUT', body: 'abc' });
    expect([res.statusCode, await text(res)]).toEqual([502, expect.stringContaining('closed the connection')]);
  });
});

async function firstLine(socket: Socket): Promise<string> {
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString().split('\r\n')[0] ?? '';
}
