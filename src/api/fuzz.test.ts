import { once } from 'node:events';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import { ScriptedEngine } from '../../test/fakes/scripted-engine.ts';
import { ROUTES } from './operations.ts';

let engine: ScriptedEngine;
let api: ApiFixture;

beforeAll(async () => {
  engine = await ScriptedEngine.start({
    onRequest: (req, res) => {
      req.resume();
      req.on('end', () => res.end('{"Id":"x"}'));
    },
    onUpgrade: (_req, socket) => void socket.resume().end('HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nhello'),
  });
  api = await ApiFixture.start({ connectors: [engine.connector], limits: { headTimeoutMs: 1_000 } });
});

afterAll(async () => {
  await api.close();
  await engine[Symbol.asyncDispose]();
});

/** So long a connection may stay open: a request that hangs is told, and not only that one of hundreds did. */
const PATIENCE_MS = 15_000;

/** Writes the bytes and gives what comes back until the server closes. `halfClose` ends our side at once. */
async function exchange(bytes: string | Buffer, halfClose: boolean): Promise<string> {
  const socket = await api.connect();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = once(socket, 'close');
  if (halfClose) socket.end(bytes);
  else socket.once('end', () => socket.end()).write(bytes);
  let hangs = false;
  const patience = setTimeout(() => {
    hangs = true;
    socket.destroy();
  }, PATIENCE_MS);
  await closed;
  clearTimeout(patience);
  const received = Buffer.concat(chunks).toString('latin1');
  if (hangs) throw new Error(`not closed within ${PATIENCE_MS} ms, after ${JSON.stringify(received)}`);
  return received;
}

const ANSWER = /^HTTP\/1\.1 \d{3} /;
/** A client that ends its side before it is answered may get a clean close instead. */
const ANSWER_OR_CLOSE = /^(HTTP\/1\.1 \d{3} |$)/;

async function isAlive(): Promise<boolean> {
  return (await fetch(`${api.url}/_ping`)).status === 200;
}

const token = fc.string({ unit: fc.constantFrom(...'abcXYZ-_0189'), minLength: 1, maxLength: 12 });
/** A header value as a client can send it: any byte but line ends. */
const value = fc.string({ unit: 'binary-ascii', maxLength: 40 }).map((text) => text.replace(/[\r\n\0]/g, ''));
const path = fc.oneof(
  fc.constantFrom(...ROUTES.map((route) => route.path.replace(/\{\w+\}/g, 'abc'))),
  fc.webPath(),
  fc
    .string({
      unit: fc.constantFrom(
        '/',
        '..',
        '%',
        '%2f',
        '%00',
        'v1.',
        'v',
        'containers',
        'images',
        'json',
        ':',
        '*',
        '?',
        '#',
        ';',
        'é',
      ),
      maxLength: 12,
    })
    .map((text) => `/${encodeURI(text)}`),
);
const target = fc
  .tuple(
    fc.constantFrom('', '/v1.41', '/v1.24', '/v9.9', '/v1', '/v0.1', '/v1.41.1', '/v99999999999.1'),
    path,
    fc.oneof(
      fc.constant(''),
      fc.webQueryParameters().map((query) => `?${query}`),
    ),
  )
  .map((parts) => parts.join('').replace(/\s/g, '+'));
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'FOO');
const upgrade = fc.constantFrom(
  'Connection: close\r\n',
  'Connection: close\r\n',
  'Connection: Upgrade\r\nUpgrade: tcp\r\n',
  'Connection: upgrade\r\nUpgrade: h2c\r\n',
);
const body = fc.oneof(fc.constant(''), fc.json(), fc.string({ maxLength: 200 }));

describe('any request', () => {
  it('gets an answer or a clean close, and the server goes on', async () => {
    const headers = fc.array(fc.tuple(token, value), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(method, target, headers, upgrade, body, async (verb, url, fields, upgrading, content) => {
        const lines = fields.map(([name, text]) => `x-${name}: ${text}\r\n`).join('');
        const head = `${verb} ${url} HTTP/1.1\r\nHost: x\r\n${lines}${upgrading}Content-Length: ${Buffer.byteLength(content)}\r\n\r\n`;
        expect(await exchange(head + content, false)).toMatch(ANSWER);
      }),
      { numRuns: 300 },
    );
    expect(await isAlive()).toBe(true);
  }, 180_000);

  it('may be any bytes at all', async () => {
    const pieces = fc.constantFrom(
      'GET ',
      'POST ',
      '/',
      ' HTTP/1.1',
      '\r\n',
      '\r\n\r\n',
      ': ',
      'Transfer-Encoding: chunked',
      'Content-Length: 5',
      'Upgrade: tcp',
      'Connection: Upgrade',
      'Host: x',
      '5\r\nhello\r\n',
      '0\r\n\r\n',
      'ffffffff\r\n',
      '\0',
      'é',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.array(pieces, { maxLength: 12 }).map((all) => Buffer.from(all.join(''))),
          fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
        ),
        async (bytes) => {
          expect(await exchange(bytes, true)).toMatch(ANSWER_OR_CLOSE);
        },
      ),
      { numRuns: 300 },
    );
    expect(await isAlive()).toBe(true);
  }, 180_000);

  it('may be broken off anywhere', async () => {
    const whole = Buffer.from(
      'POST /v1.41/containers/abc/attach HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 4\r\n\r\n{}{}early',
    );
    const idle = engine.openConnections;
    for (let length = 0; length <= whole.length; length++) {
      const socket = await api.connect();
      socket.write(whole.subarray(0, length));
      if (length % 2 === 0) socket.destroy();
      else socket.resetAndDestroy();
    }
    expect(await isAlive()).toBe(true);
    await expect.poll(() => engine.openConnections).toBeLessThanOrEqual(idle);
  }, 180_000);
});
