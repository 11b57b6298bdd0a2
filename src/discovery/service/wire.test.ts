import { connect, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { call, newToken, tokenServices } from '../../../test/fakes/token-service.ts';

const services = tokenServices({});
const { start } = services;
afterEach(() => services.close());

describe('token service, byte by byte', { timeout: 120_000 }, () => {
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
    const ping = (): Promise<number> =>
      call(new URL('/_ping', url).href, 'GET').then(
        ({ status }) => status,
        () => 0,
      );
    await expect.poll(ping, { timeout: 120_000 }).toBe(200);
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
