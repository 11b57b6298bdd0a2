import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import { testCertificates } from '../../test/fakes/scripted-engine.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { sendJson } from './answer.ts';
import { readJsonText } from './body.ts';
import type { Call, RouteHandlers } from './call.ts';

const fixtures: ApiFixture[] = [];

async function serve(handlers: RouteHandlers, limits = {}): Promise<ApiFixture> {
  const fixture = await ApiFixture.start({ connectors: [tcpConnector('127.0.0.1', 9)], handlers, limits });
  fixtures.push(fixture);
  return fixture;
}

afterEach(async () => {
  await Promise.all(fixtures.splice(0).map((fixture) => fixture.close()));
});

/** Writes `text` and gives what comes back until the other side closes. */
async function exchange(fixture: ApiFixture, text: string | Buffer): Promise<string> {
  const socket = await fixture.connect();
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  socket.once('end', () => socket.end());
  // Not `once` of node:events, which rejects when the server closes on a client that still sends.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(text);
  await closed;
  return received;
}

const echo: RouteHandlers = {
  'GET /_ping': async (call) =>
    sendJson(call.res, 200, JSON.stringify({ api: call.api, path: call.path, search: call.search })),
  'POST /containers/create': async (call) => sendJson(call.res, 201, (await readJsonText(call)) || 'null'),
  'GET /containers/{id}/json': async (call) => sendJson(call.res, 200, JSON.stringify(call.params)),
  'GET /images/{name}/json': async (call) => sendJson(call.res, 200, JSON.stringify(call.params)),
  'GET /info': () => Promise.reject(new Error('boom')),
};

describe('API server', () => {
  it('answers with the headers clients look for', async () => {
    const fixture = await serve(echo);
    const answer = await fetch(`${fixture.url}/_ping`);
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'api-version': '1.51',
      ostype: 'linux',
      'docker-experimental': 'false',
      server: 'Enxame/0.0.0-test (linux)',
    });
  });

  it.each([
    ['/_ping', 200, { api: '1.51', path: '/_ping', search: '' }],
    ['/v1.24/_ping?a=b', 200, { api: '1.24', path: '/_ping', search: '?a=b' }],
    ['/v1.99/_ping', 200, { api: '1.99' }],
    [
      '/v1.12/_ping',
      400,
      { message: expect.stringContaining('client version 1.12 is too old. Minimum supported API version is 1.24') },
    ],
    ['/v1/_ping', 400, { message: 'invalid API version "1": write it like v1.41' }],
    ['/nothing', 404, { message: 'page not found' }],
    ['/v1.41/nothing', 404, { message: 'page not found' }],
    ['/auth', 405, { message: 'method GET is not allowed here; use POST' }],
    ['/containers/web/json', 200, { id: 'web' }],
    ['/containers/node-1/web/json', 200, { id: 'node-1/web' }],
    ['/images/docker.io/library/redis:7/json', 200, { name: 'docker.io/library/redis:7' }],
    ['/images/a%2Fb%3A7/json', 200, { name: 'a/b:7' }],
    ['/plugins', 501, { message: expect.stringContaining('not yet supported by Enxame') }],
    ['/services', 503, { message: expect.stringContaining('This node is not a swarm manager') }],
    ['/info', 500, { message: 'manager: boom' }],
  ])('GET %s gives %i', async (path, status, body) => {
    const fixture = await serve(echo);
    const answer = await fetch(fixture.url + path);
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect([answer.status, await answer.json()]).toEqual([status, expect.objectContaining(body)]);
  });

  it('says which methods a path has', async () => {
    const fixture = await serve(echo);
    const answer = await fetch(`${fixture.url}/volumes/x`, { method: 'POST' });
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, DELETE, PUT']);
  });

  it.each([
    ['not JSON', '{"Image":', 400, 'the request body is not JSON'],
    ['too large', `"${'x'.repeat(16 * 1024 * 1024)}"`, 413, 'larger than 16777216 bytes'],
  ])('refuses a body that is %s', async (_what, body, status, message) => {
    const fixture = await serve(echo);
    const answer = await fetch(`${fixture.url}/containers/create`, { method: 'POST', body });
    expect(answer.status).toBe(status);
    expect((await answer.json()) as { message: string }).toEqual({ message: expect.stringContaining(message) });
  });

  it('refuses a chunked body over the bound and goes on', async () => {
    const fixture = await serve(echo);
    const chunk = `100000\r\n${' '.repeat(0x100000)}\r\n`;
    const head = 'POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
    expect(await exchange(fixture, head + chunk.repeat(17))).toContain('HTTP/1.1 413');
    expect((await fetch(`${fixture.url}/_ping`)).status).toBe(200);
  });

  it.each(['gzip, chunked', 'GZip,chunked', 'identity, chunked'])(
    'refuses a body in the transfer coding %s',
    async (coding) => {
      const fixture = await serve(echo);
      for (const more of ['', 'Connection: Upgrade\r\nUpgrade: tcp\r\n', 'Expect: 100-continue\r\n']) {
        const head = `POST /containers/create HTTP/1.1\r\nHost: x\r\n${more}Transfer-Encoding: ${coding}\r\n\r\n`;
        const answer = await exchange(fixture, `${head}2\r\n{}\r\n0\r\n\r\n`);
        expect(answer).toMatch(/^HTTP\/1\.1 501 /);
        expect(answer).toMatch(/^connection: close\r$/im);
        expect(answer).toContain('is not supported: send chunks only');
      }
      expect((await fetch(`${fixture.url}/_ping`)).status).toBe(200);
    },
  );

  it.each(['gzip', 'chunked, gzip', 'chunked, chunked', 'chunked\r\nContent-Length: 2'])(
    'refuses the framing %j',
    async (coding) => {
      const fixture = await serve(echo);
      const head = `POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
      expect(await exchange(fixture, `${head}2\r\n{}\r\n0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 (400|501) /);
    },
  );

  it.each(['chunked', 'Chunked'])('reads a body in the transfer coding %s, byte by byte', async (coding) => {
    const fixture = await serve(echo);
    const body = [...'{"Image":"redis"}'].map((letter) => `1\r\n${letter}\r\n`).join('');
    const head = `POST /containers/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: ${coding}\r\n\r\n`;
    expect(await exchange(fixture, `${head}${body}0\r\n\r\n`)).toContain('{"Image":"redis"}');
  });

  it('answers 100 Continue only when the body is wanted', async () => {
    const fixture = await serve(echo);
    const head = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n`;
    const socket = await fixture.connect();
    socket.write(head('/containers/create'));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write('{}');
    const [second] = (await once(socket, 'data')) as [Buffer];
    expect(second.toString()).toContain('HTTP/1.1 201');
    expect(await exchange(fixture, head('/nothing'))).toMatch(/^HTTP\/1.1 404/);
  });

  it.each([
    ['a head of 100 MB', `GET / HTTP/1.1\r\nX: ${'x'.repeat(100_000_000)}`, 431, 'the request head is too large'],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', 400, 'the request is not valid HTTP/1.1'],
    [
      'two lengths',
      'POST /auth HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'not valid',
    ],
  ])('answers %s in Docker’s shape and goes on', async (_what, text, status, message) => {
    const fixture = await serve(echo);
    const answer = await exchange(fixture, text);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toContain('Api-Version: 1.51');
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toEqual({ message: expect.stringContaining(message) });
    expect((await fetch(`${fixture.url}/_ping`)).status).toBe(200);
  });

  it('serves clients that do not say the host', async () => {
    const fixture = await serve(echo);
    expect(await exchange(fixture, 'GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n')).toContain('HTTP/1.1 200 OK');
  });

  it('closes clients that never end their head', async () => {
    const fixture = await serve(echo, { headTimeoutMs: 100 });
    expect(await exchange(fixture, 'GET /_ping HTTP/1.1\r\nHost:')).toContain('HTTP/1.1 408');
  });

  it('bounds connections', async () => {
    const fixture = await serve(echo, { maxConnections: 2 });
    const [first] = await Promise.all([fixture.connect(), fixture.connect()]);
    const third = net.connect(fixture.port, '127.0.0.1');
    third.on('error', () => undefined);
    await once(third, 'close');
    first.destroy();
    await once(first, 'close');
    await expect
      .poll(() =>
        fetch(`${fixture.url}/_ping`).then(
          (a) => a.status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  it('answers a route that does not upgrade as usual', async () => {
    const fixture = await serve(echo);
    const upgrade = 'HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n';
    expect(await exchange(fixture, `GET /_ping ${upgrade}\r\n`)).toMatch(/^HTTP\/1.1 200 OK[\s\S]*"path":"\/_ping"/);
    expect(await exchange(fixture, `GET /nothing ${upgrade}\r\n`)).toMatch(/^HTTP\/1.1 404[\s\S]*page not found/);
    const withBody = `POST /containers/create ${upgrade}Content-Length: 9\r\n\r\n{"a": 12}`;
    expect(await exchange(fixture, withBody)).toMatch(/^HTTP\/1.1 201[\s\S]*\{"a": 12\}$/);
  });

  it.each([
    { what: 'at once', delayMs: 0, bytes: 10 },
    { what: 'later', delayMs: 20, bytes: 10 },
    { what: 'later, with much to send', delayMs: 20, bytes: 20_000_000 },
  ])('answers an upgrade that came before the earlier answer was sent: $what', async ({ delayMs, bytes }) => {
    const slow = async (call: Call): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, delayMs));
      sendJson(call.res, 200, JSON.stringify('x'.repeat(bytes)));
    };
    const fixture = await serve({ ...echo, 'GET /version': slow });
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\n';
    const both = `GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /_ping HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n`;
    const received = await exchange(fixture, both);
    expect(received.length).toBeGreaterThan(bytes);
    expect(received.match(/HTTP\/1.1 200 OK/g)).toHaveLength(2);
    expect(received).toMatch(/"path":"\/_ping"/);
  });
});

describe('listening', () => {
  const ping: RouteHandlers = { 'GET /_ping': async (call) => sendJson(call.res, 200, '"pong"') };

  it('serves several addresses, or none when one of them is taken', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'enxame-listen-'));
    const path = join(folder, 'a.sock');
    const first = await ApiFixture.start({
      connectors: [],
      handlers: ping,
      listen: ['tcp://127.0.0.1:0', `unix://${path}`],
    });
    fixtures.push(first);
    const overUnix = http.get({ socketPath: path, path: '/_ping' });
    const [answer] = (await once(overUnix, 'response')) as [http.IncomingMessage];
    expect([answer.statusCode, (await fetch(`${first.url}/_ping`)).status]).toEqual([200, 200]);
    answer.resume();
    const other = join(folder, 'b.sock');
    const taken = `tcp://127.0.0.1:${first.port}`;
    const second = ApiFixture.start({ connectors: [], handlers: ping, listen: [`unix://${other}`, taken] });
    await expect(second).rejects.toThrow(`cannot listen on ${taken}: another process has it`);
    expect(await readdir(folder)).toEqual(['a.sock']);
    await first.close();
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  it('wants a client certificate when clients are verified', async () => {
    const certificates = await testCertificates();
    const fixture = await ApiFixture.start({ connectors: [], handlers: ping, tls: certificates.server });
    fixtures.push(fixture);
    const get = async (options: https.RequestOptions): Promise<number | undefined> => {
      const req = https.get({
        host: '127.0.0.1',
        port: fixture.port,
        path: '/_ping',
        agent: false,
        ca: certificates.client.ca,
        ...options,
      });
      const [answer] = (await once(req, 'response')) as [http.IncomingMessage];
      answer.resume();
      return answer.statusCode;
    };
    const { cert, key } = certificates.client;
    expect(await get({ cert, key })).toBe(200);
    await expect(get({})).rejects.toThrow(/certificate required|handshake|reset|closed/i);
    await expect(get({ cert, key, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' })).rejects.toThrow();
    expect(await get({ cert, key })).toBe(200);
  });
});

describe('closing', () => {
  it('lets short calls end, ends endless ones, and resolves in time', async () => {
    const release = deferred();
    const aborted = deferred();
    const fixture = await serve({
      'GET /_ping': async (call) => {
        await release.promise;
        sendJson(call.res, 200, '"late"');
      },
      'GET /events': async (call) => {
        call.res.writeHead(200);
        call.res.flushHeaders();
        call.signal.addEventListener('abort', () => {
          call.res.end();
          aborted.resolve(undefined);
        });
        await aborted.promise;
      },
    });
    const short = fetch(`${fixture.url}/_ping`);
    const endless = await fetch(`${fixture.url}/events`);
    const closing = fixture.server.close({ graceMs: 5_000 });
    expect(await endless.text()).toBe('');
    await expect(fetch(`${fixture.url}/_ping`)).rejects.toThrow();
    release.resolve(undefined);
    expect(await (await short).json()).toBe('late');
    await closing;
    await fixture.server.close();
  });

  it('cuts what does not end', async () => {
    const fixture = await serve({ 'GET /_ping': () => new Promise(() => undefined) });
    const hung = fetch(`${fixture.url}/_ping`).catch((error: unknown) => error);
    await expect.poll(() => fixture.server.close({ graceMs: 100 }).then(() => true)).toBe(true);
    expect(await hung).toBeInstanceOf(Error);
  });
});

function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => undefined;
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
