import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { silentLogger } from '../../common/logger.ts';
import { readTlsFiles, tlsClientOptions, tlsServerOptions } from '../../common/tls-files.ts';
import { openTokenClient } from '../token-client.ts';
import { startTokenService, type TokenService, type TokenServiceOptions } from './service.ts';

const never = new AbortController().signal;
const clock = new FakeClock();
const services: TokenService[] = [];
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-service-'));
});
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
  await rm(folder, { recursive: true });
});

async function start(options: Partial<TokenServiceOptions> = {}): Promise<TokenService> {
  const service = await startTokenService({
    listen: parseListenAddress('tcp://127.0.0.1:0'),
    stateFolder: undefined,
    logger: silentLogger(),
    clock,
    ...options,
  });
  services.push(service);
  return service;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

async function call(url: string, method: 'GET' | 'POST' | 'PUT' | 'HEAD' | 'DELETE', body?: string): Promise<Answer> {
  const response = await request(url, { method, ...(body === undefined ? {} : { body }) });
  return { status: response.statusCode, text: await response.body.text(), headers: response.headers };
}

async function newToken(url: string): Promise<string> {
  return (await call(`${url}/clusters`, 'POST')).text;
}

describe('token service', () => {
  it('makes tokens that nobody guesses', async () => {
    const { url } = await start();
    const tokens = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const answer = await call(`${url}/clusters`, 'POST');
      expect(answer).toMatchObject({ status: 201, text: expect.stringMatching(/^[0-9a-f]{32}$/) });
      tokens.add(answer.text);
    }
    expect(tokens.size).toBe(20);
  });

  it('keeps what was registered, once each, in canonical spelling, and apart per token', async () => {
    const { url } = await start();
    const [mine, other] = [await newToken(url), await newToken(url)];
    for (const entry of ['10.0.0.1:2376', ' Node-2:2376\n', 'ssh://root@node-3:22', '10.0.0.1:2376']) {
      expect(await call(`${url}/clusters/${mine}?ttl=60`, 'POST', entry)).toMatchObject({ status: 204, text: '' });
    }
    const answer = await call(`${url}/clusters/${mine}`, 'GET');
    expect(JSON.parse(answer.text)).toEqual(['10.0.0.1:2376', 'node-2:2376', 'ssh://root@node-3']);
    expect(answer.headers['content-type']).toBe('application/json');
    expect((await call(`${url}/clusters/${other}`, 'GET')).text).toBe('[]');
  });

  it('lets entries live for their TTL, 180 s unless said, renewed by registering again', async () => {
    const { url } = await start();
    const token = await newToken(url);
    const list = async (): Promise<unknown> => JSON.parse((await call(`${url}/clusters/${token}`, 'GET')).text);
    await call(`${url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    await call(`${url}/clusters/${token}`, 'POST', 'b:1');
    clock.advance(59_000);
    expect(await list()).toEqual(['a:1', 'b:1']);
    await call(`${url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    clock.advance(59_999);
    expect(await list()).toEqual(['a:1', 'b:1']);
    clock.advance(1);
    expect(await list()).toEqual(['b:1']);
    clock.advance(61_000);
    expect(await list()).toEqual([]);
  });

  it('forgets a token on DELETE', async () => {
    const { url } = await start();
    const token = await newToken(url);
    expect((await call(`${url}/clusters/${token}`, 'DELETE')).status).toBe(204);
    expect((await call(`${url}/clusters/${token}`, 'GET')).status).toBe(404);
  });

  it('says that it lives', async () => {
    const { url } = await start();
    expect(await call(new URL('/_ping', url).href, 'GET')).toMatchObject({ status: 200, text: 'OK' });
    expect(await call(new URL('/_ping', url).href, 'HEAD')).toMatchObject({ status: 200, text: '' });
  });

  it.each([
    ['GET', '/clusters/0123456789abcdef0123456789abcdef', undefined, 404, 'unknown token'],
    ['POST', '/clusters/0123456789abcdef0123456789abcdef', 'a:1', 404, 'unknown token'],
    ['GET', '/clusters', undefined, 405, 'only POST here'],
    ['PUT', '/clusters/TOKEN', 'a:1', 405, 'only GET, POST, DELETE here'],
    ['GET', '/', undefined, 404, 'there is nothing at this path'],
    ['GET', '/clusters/TOKEN/more', undefined, 404, 'there is nothing at this path'],
    ['POST', '/clusters/TOKEN', '', 400, 'the host is missing'],
    ['POST', '/clusters/TOKEN', 'not an entry', 400, 'bad entry "not an entry"'],
    ['POST', '/clusters/TOKEN', '{"addr":"a:1"}', 400, 'bad entry'],
    ['POST', '/clusters/TOKEN?ttl=0', 'a:1', 400, 'ttl is a whole number of seconds from 1 to 604800'],
    ['POST', '/clusters/TOKEN?ttl=604801', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN?ttl=1m', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN?ttl=', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN', 'x'.repeat(4097), 413, 'the body is larger than 4096 bytes'],
    ['POST', '/clusters', 'x'.repeat(4097), 413, 'the body is larger than 4096 bytes'],
  ] as const)('answers %s %s (%#) with one line', async (method, path, body, status, line) => {
    const { url } = await start();
    const answer = await call(url + path.replace('TOKEN', await newToken(url)), method, body);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(line);
    expect(answer.text).toMatch(/^[^\n]+\n$/);
    expect(answer.headers['content-type']).toContain('text/plain');
    if (status === 405) expect(answer.headers.allow).toMatch(/POST/);
  });

  it('bounds entries per token, entries and tokens, and makes room as they end', async () => {
    const { url } = await start({ limits: { maxEntriesPerToken: 2, maxEntries: 3, maxTokens: 2 } });
    const [one, two] = [await newToken(url), await newToken(url)];
    const register = (token: string, entry: string): Promise<Answer> =>
      call(`${url}/clusters/${token}?ttl=9`, 'POST', entry);
    expect(await call(`${url}/clusters`, 'POST')).toMatchObject({
      status: 507,
      text: expect.stringContaining('tokens'),
    });
    expect((await register(one, 'a:1')).status).toBe(204);
    expect((await register(one, 'b:1')).status).toBe(204);
    expect(await register(one, 'c:1')).toMatchObject({ status: 507, text: expect.stringContaining('this token has') });
    expect((await register(one, 'a:1')).status).toBe(204);
    expect((await register(two, 'a:1')).status).toBe(204);
    expect(await register(two, 'b:1')).toMatchObject({
      status: 507,
      text: expect.stringContaining('this service has'),
    });
    clock.advance(10_000);
    expect((await register(one, 'c:1')).status).toBe(204);
    expect((await call(`${url}/clusters/${one}`, 'GET')).text).toBe('["c:1"]');
  });

  it('slows down a client that asks too much, and says until when', async () => {
    const { url } = await start({ limits: { requests: { burst: 3, perSecond: 0.5 } } });
    const ping = new URL('/_ping', url).href;
    for (let i = 0; i < 3; i += 1) expect((await call(ping, 'GET')).status).toBe(200);
    const refused = await call(ping, 'GET');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect(refused.text).toContain('come back in 2 s');
    clock.advance(2000);
    expect((await call(ping, 'GET')).status).toBe(200);
    expect((await call(ping, 'GET')).status).toBe(429);
  });

  it('limits the making of tokens more than the rest', async () => {
    const { url } = await start({ limits: { creations: { burst: 1, perSecond: 0.1 } } });
    const token = await newToken(url);
    expect(await call(`${url}/clusters`, 'POST')).toMatchObject({ status: 429, headers: { 'retry-after': '10' } });
    expect((await call(`${url}/clusters/${token}`, 'GET')).status).toBe(200);
  });

  it('forgets tokens that nobody used for long, and no others', async () => {
    const { url } = await start({ limits: { tokenIdleMs: 7_200_000 } });
    const [idle, asked] = [await newToken(url), await newToken(url)];
    clock.advance(3_700_000);
    expect((await call(`${url}/clusters/${asked}`, 'GET')).status).toBe(200);
    while (clock.sleeping === 0) await new Promise(setImmediate);
    clock.advance(3_600_000);
    await expect.poll(async () => (await call(`${url}/clusters/${idle}`, 'GET')).status).toBe(404);
    expect((await call(`${url}/clusters/${asked}`, 'GET')).status).toBe(200);
  });
});

describe('token service on disk', () => {
  it('knows tokens and entries after a restart, and drops those whose time ended meanwhile', async () => {
    const first = await start({ stateFolder: folder });
    const token = await newToken(first.url);
    await call(`${first.url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    await call(`${first.url}/clusters/${token}?ttl=600`, 'POST', 'unix:///run/docker.sock');
    await call(`${first.url}/clusters/${token}?ttl=600`, 'POST', '[::1]:2');
    await first.close();
    clock.advance(61_000);
    const second = await start({ stateFolder: folder });
    expect(JSON.parse((await call(`${second.url}/clusters/${token}`, 'GET')).text).sort()).toEqual([
      '[::1]:2',
      'unix:///run/docker.sock',
    ]);
  });

  it('does not know a removed token after a restart', async () => {
    const first = await start({ stateFolder: folder });
    const token = await newToken(first.url);
    await call(`${first.url}/clusters/${token}`, 'POST', 'a:1');
    await call(`${first.url}/clusters/${token}`, 'DELETE');
    await first.close();
    const second = await start({ stateFolder: folder });
    expect((await call(`${second.url}/clusters/${token}`, 'GET')).status).toBe(404);
  });

  it('gives a second process one clear line', async () => {
    await start({ stateFolder: folder });
    await expect(start({ stateFolder: folder })).rejects.toMatchObject({
      code: 'STATE_LOCKED',
      message: `the state folder ${folder} is in use by another process. Stop that one or choose another with --state-dir`,
    });
  });

  it('frees the folder when it cannot listen', async () => {
    const first = await start();
    const listen = parseListenAddress(`tcp://${new URL(first.url).host}`);
    await expect(start({ stateFolder: folder, listen })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await start({ stateFolder: folder });
  });

  it('explains a folder it cannot use', async () => {
    await writeFile(join(folder, 'file'), '');
    const stateFolder = join(folder, 'file', 'state');
    await expect(start({ stateFolder })).rejects.toThrow(`cannot use the state folder ${stateFolder}: ENOTDIR`);
    await expect(start({ stateFolder: join(folder, 'file') })).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});

describe('token service, byte by byte', () => {
  /** What the server sends until it ends the connection. */
  const talk = (socket: Socket, text: string, isOver: boolean = false): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      socket.setEncoding('latin1');
      socket.on('data', (chunk: string) => {
        answer += chunk;
      });
      socket.on('end', () => resolve(answer));
      socket.on('error', reject);
      if (isOver) socket.end(text);
      else socket.write(text);
    });
  const dial = (url: string): Socket => connect(Number(new URL(url).port), '127.0.0.1');
  // What Go's net/http sends for http.Post(url, "", nil), http.Post(url, "application/json", reader) and http.Get(url).
  const go = (first: string, rest: string): string =>
    `${first} HTTP/1.1\r\nHost: discovery\r\nUser-Agent: Go-http-client/1.1\r\n${rest}Accept-Encoding: gzip\r\nConnection: close\r\n`;

  it('understands the original swarm client', async () => {
    const { url } = await start();
    const created = await talk(dial(url), `${go('POST /v1/clusters', 'Content-Length: 0\r\nContent-Type: \r\n')}\r\n`);
    const [head, token] = created.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 201 /);
    expect(head).toContain('content-length: 32');
    expect(token).toMatch(/^[0-9a-f]{32}$/);

    const post = go(`POST /v1/clusters/${token}?ttl=180`, 'Content-Length: 13\r\nContent-Type: application/json\r\n');
    expect(await talk(dial(url), `${post}\r\n10.0.0.7:2375`)).toMatch(/^HTTP\/1\.1 204 No Content\r\n/);

    const got = await talk(dial(url), `${go(`GET /v1/clusters/${token}`, '')}\r\n`);
    expect(got).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(got.split('\r\n\r\n')[1]).toBe('["10.0.0.7:2375"]');
  });

  it.each([
    ['headers without end', `GET /_ping HTTP/1.1\r\nX: ${'x'.repeat(40_000)}`, 431],
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['a path that is no path', 'GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 400],
    ['a length that is no length', 'POST /v1/clusters HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n', 400],
  ])('refuses %s and goes on', async (_what, text, status) => {
    const { url } = await start();
    expect(await talk(dial(url), text)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await call(new URL('/_ping', url).href, 'GET')).status).toBe(200);
  });

  it('cuts off a body without end', async () => {
    const { url } = await start();
    const socket = dial(url);
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`;
    const ended = new Promise<void>((resolve) => {
      socket.on('close', () => resolve());
      // The other side may reset the connection while this one still writes.
      socket.on('error', () => undefined);
    });
    socket.write('POST /v1/clusters HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.resume();
    const feed = (): void => {
      if (!socket.destroyed) socket.write(chunk, () => setImmediate(feed));
    };
    feed();
    await ended;
    expect((await call(new URL('/_ping', url).href, 'GET')).status).toBe(200);
  });

  it('meets any bytes with an answer or a closed connection, and goes on', async () => {
    const { url } = await start({ limits: { requests: { burst: 10_000, perSecond: 1000 } } });
    const token = await newToken(url);
    const word = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.webQueryParameters(),
      fc.constantFrom('ttl=', '..', '%', '%00'),
    );
    const bytes = fc.oneof(
      fc
        .tuple(fc.constantFrom('GET', 'POST', 'PUT', 'X'), word, word)
        .map(
          ([method, path, query]) =>
            `${method} /v1/clusters/${token}${path}?${query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        ),
      fc
        .tuple(word, word, word)
        .map(
          ([name, value, body]) =>
            `POST /v1/clusters/${token} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${name}: ${value}\r\nContent-Length: 3\r\n\r\n${body}abc`,
        ),
      word.map((text) => `${text}\r\n\r\n`),
    );
    await fc.assert(
      fc.asyncProperty(bytes, async (text) => {
        const socket = dial(url);
        const answer = await talk(socket, text, true).catch(() => '');
        socket.destroy();
        expect(answer).toMatch(/^(HTTP\/1\.1 [2-5]\d\d |$)/);
        expect(answer).not.toMatch(/^HTTP\/1\.1 500/);
      }),
      { numRuns: 200 },
    );
    expect((await call(`${url}/clusters/${token}`, 'GET')).status).toBe(200);
  });

  it('has no more connections at once than it may', async () => {
    const { url } = await start({ limits: { maxConnections: 2 } });
    const held = [dial(url), dial(url)];
    await Promise.all(held.map((socket) => new Promise((resolve) => socket.on('connect', resolve))));
    const third = dial(url);
    third.on('error', () => undefined);
    await new Promise((resolve) => third.on('close', resolve).resume());
    for (const socket of held) socket.destroy();
    await expect
      .poll(() =>
        call(new URL('/_ping', url).href, 'GET').then(
          ({ status }) => status,
          () => 0,
        ),
      )
      .toBe(200);
  });

  it('closes while a client holds a connection open', async () => {
    const service = await start();
    const socket = dial(service.url);
    await new Promise((resolve) => socket.on('connect', resolve));
    const gone = new Promise((resolve) => socket.on('close', resolve));
    socket.resume();
    await service.close();
    await gone;
    await service.close();
  });
});

describe('token service and who may reach it', () => {
  const file = (name: string): string => join(folder, name);

  it.each(['tcp://0.0.0.0:0', 'tcp://:0', 'tcp://[::]:0'])('refuses %s without TLS', async (text) => {
    await expect(start({ listen: parseListenAddress(text) })).rejects.toMatchObject({
      code: 'INSECURE_LISTENER',
      message: expect.stringContaining('--insecure'),
    });
  });

  it('obeys --insecure', async () => {
    const { url } = await start({ listen: parseListenAddress('tcp://0.0.0.0:0'), insecure: true });
    expect((await call(`http://127.0.0.1:${new URL(url).port}/_ping`, 'GET')).status).toBe(200);
  });

  it('listens on a socket, also after a process that left its file', async () => {
    const listen = parseListenAddress(`unix://${file('service.sock')}`);
    const service = await start({ listen });
    expect(service.url).toBe(`unix://${file('service.sock')}`);
    await expect(start({ listen })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    const agent = new Agent({ connect: { socketPath: file('service.sock') } });
    const answer = await request('http://service/_ping', { dispatcher: agent });
    expect(await answer.body.text()).toBe('OK');
    await agent.destroy();
  });

  it('speaks TLS 1.2 and newer only, and asks for certificates when given a CA', async () => {
    await writeCertificate(folder, 'server');
    await writeCertificate(folder, 'client');
    await writeCertificate(folder, 'stranger');
    const server = { cert: file('server.pem'), key: file('server-key.pem'), ca: file('client.pem') };
    const { url } = await start({
      tls: tlsServerOptions(await readTlsFiles(server)),
      listen: parseListenAddress('tcp://127.0.0.1:0'),
    });
    expect(url).toMatch(/^https:/);
    const clientWith = async (name?: string): Promise<string> => {
      const own = name === undefined ? {} : { cert: file(`${name}.pem`), key: file(`${name}-key.pem`) };
      const client = openTokenClient(url, tlsClientOptions(await readTlsFiles({ ca: file('server.pem'), ...own })));
      return client.create(never).finally(() => client.close());
    };
    expect(await clientWith('client')).toMatch(/^[0-9a-f]{32}$/);
    await expect(clientWith('stranger')).rejects.toThrow('no token service answers');
    await expect(clientWith()).rejects.toThrow('no token service answers');
    const old = tlsConnect({
      port: Number(new URL(url).port),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
      ca: await readFile(file('server.pem')),
    });
    await expect(
      new Promise((resolve, reject) => old.on('secureConnect', resolve).on('error', reject)),
    ).rejects.toThrow();
  });
});
