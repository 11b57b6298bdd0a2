import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { EngineError } from '../common/errors.ts';
import { bodyOf } from '../engine/answer-body.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { openEventStream } from '../engine/event-stream.ts';
import { readResponseHead } from '../engine/http/read-head.ts';
import { EngineStream } from './engine-stream.ts';

/** Everything that reads an engine's answer takes the same for its body, or refuses it: whatever the bytes are. */

let server: RawServer;
let connector: Connector;
let api: ApiFixture;
/** What every connection is answered; then it is ended, unless it is to stay open. */
let answer: readonly Buffer[] = [];
let staysOpen = false;

beforeAll(async () => {
  server = await RawServer.start((socket) => {
    socket.once('data', () => {
      for (const piece of answer) socket.write(piece);
      if (!staysOpen) socket.end();
    });
  });
  const [host = '', port = ''] = server.address.split(':');
  connector = tcpConnector(host, Number(port));
  api = await ApiFixture.start({ connectors: [connector] });
});

afterAll(async () => {
  await api?.close();
  await connector?.close();
  await server?.close();
});

const GET = { method: 'GET', path: '/x', headers: {} } as const;

async function collected(body: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces).toString('latin1');
}

interface Read {
  readonly status: number;
  readonly body: string;
}

/** The readers by name; each rejects with an EngineError or gives status and body. */
const READERS: Readonly<Record<string, (client: EngineClient) => Promise<Read>>> = {
  'a buffered call': async (client) => {
    const { statusCode, body } = await client.request(GET);
    return { status: statusCode, body: body.toString('latin1') };
  },
  'a pipelined call': async (client) => {
    const { statusCode, body } = await client.request({ ...GET, isPipelined: true });
    return { status: statusCode, body: body.toString('latin1') };
  },
  'a raw exchange (pull, copy)': async (client) => {
    const exchange = await client.open(GET);
    return { status: exchange.statusCode, body: await collected(bodyOf(exchange)) };
  },
  'the answer to an upload (load)': async (client) => {
    const socket = await client.send(GET);
    const head = await readResponseHead(socket, { method: 'GET' });
    return { status: head.statusCode, body: await collected(bodyOf({ ...head, socket })) };
  },
  'a stream for a client': async (client) => {
    const stream = await EngineStream.send(client, GET);
    try {
      const head = await stream.head();
      return { status: head.statusCode, body: await collected(stream.body(head)) };
    } finally {
      stream.destroy();
    }
  },
};

async function readBy(read: (client: EngineClient) => Promise<Read>): Promise<Read | 'refused'> {
  const client = new EngineClient({ ...connector, close: async () => undefined });
  try {
    return await read(client);
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return 'refused';
  } finally {
    await client.close();
  }
}

/** The lines of the events, once they ended as they should. */
async function eventsRead(): Promise<readonly string[] | 'refused'> {
  const client = new EngineClient({ ...connector, close: async () => undefined });
  const lines: string[] = [];
  try {
    const stream = await openEventStream(client, (line) => lines.push(line), 60_000);
    return /ended its event stream/.test((await stream.ended).message) ? lines : 'refused';
  } catch (error) {
    expect(error).toBeInstanceOf(EngineError);
    return 'refused';
  } finally {
    await client.close();
  }
}

async function expectAllAgree(): Promise<Read | 'refused'> {
  const [first, ...others] = await Promise.all(
    Object.entries(READERS).map(async ([name, read]) => ({ name, result: await readBy(read) })),
  );
  if (!first) throw new Error('no readers');
  for (const { name, result } of others) expect([name, result]).toEqual([name, first.result]);
  const { result } = first;
  if (result === 'refused') expect(await eventsRead()).toBe('refused');
  else if (result.status === 200) {
    const lines = Buffer.from(result.body, 'latin1').toString().split('\n').slice(0, -1);
    expect(await eventsRead()).toEqual(lines.filter((line) => line.trim() !== ''));
  }
  return result;
}

const chunked = (...parts: readonly string[]): string =>
  [...parts, ''].map((part) => `${Buffer.byteLength(part).toString(16)}\r\n${part}\r\n`).join('');

const OK = 'HTTP/1.1 200 OK\r\n';
const CHUNKED = `${OK}Transfer-Encoding: chunked\r\n\r\n`;

describe.each([
  ['a length that is none', `${OK}Content-Length: abc\r\n\r\nhello`, 'malformed Content-Length: "abc"'],
  ['a negative length', `${OK}Content-Length: -1\r\n\r\n`, 'malformed Content-Length'],
  ['a length with a sign', `${OK}Content-Length: +5\r\n\r\nhello`, 'malformed Content-Length'],
  ['a hexadecimal length', `${OK}Content-Length: 0x5\r\n\r\nhello`, 'malformed Content-Length'],
  ['an empty length', `${OK}Content-Length:\r\n\r\nhello`, 'malformed Content-Length: ""'],
  ['a length beyond all numbers', `${OK}Content-Length: ${'9'.repeat(40)}\r\n\r\nhello`, 'malformed Content-Length'],
  [
    'two lengths',
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
    'two different lengths of one answer: 5 and 6',
  ],
  ['two lengths in a list', `${OK}Content-Length: 5, 6\r\n\r\nhello!`, 'two different lengths'],
  [
    'a coding besides chunks',
    `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'not supported: "gzip, chunked"',
  ],
  ['another coding', `${OK}Transfer-Encoding: gzip\r\n\r\nhello`, 'not supported: "gzip"'],
  [
    'chunks of chunks',
    `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'not supported',
  ],
  [
    'a length and chunks',
    `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'both a Content-Length and',
  ],
  [
    'chunks and a length',
    `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    'both a Content-Length and',
  ],
  ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 'not supported in HTTP/1.0'],
  ['white space before the colon', `${OK}Content-Length : 5\r\n\r\nhello`, 'malformed header line'],
  ['a header line that goes on', `${OK}X: a\r\n Content-Length: 5\r\n\r\nhello`, 'malformed header line'],
  ['a header line without a name', `${OK}: 5\r\n\r\nhello`, 'malformed header line'],
  ['a line feed alone within a line', `${OK}X: a\nContent-Length: 5\r\n\r\nhello`, 'malformed header line'],
  ['a null', `${OK}X: a\0\r\n\r\nhello`, 'malformed header line'],
  ['an upgrade nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\n\r\nhello', 'switched protocols'],
  ['interim answers without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(50), 'interim answers without end'],
])('an answer with %s', (_what, text, message) => {
  // A connection that stays open: nobody may wait for its end.
  test.each(Object.entries(READERS))('is refused by %s', async (_name, read) => {
    answer = [Buffer.from(text, 'latin1')];
    staysOpen = true;
    const client = new EngineClient({ ...connector, close: async () => undefined });
    const failure: unknown = await read(client).catch((error: unknown) => error);
    await client.close();
    expect(failure).toBeInstanceOf(EngineError);
    expect((failure as EngineError).message).toContain(message);
  });

  test('is refused as events', async () => {
    answer = [Buffer.from(text, 'latin1')];
    staysOpen = true;
    await expect(openEventStream(api.nodes[0]?.client as EngineClient, () => undefined, 60_000)).rejects.toThrow(
      message,
    );
  });

  test.each([
    ['logs, which are relayed', 'GET', '/containers/abc/logs?stdout=1'],
    ['a listing of processes, which is buffered', 'GET', '/containers/abc/top'],
    ['an archive, which is relayed', 'GET', '/containers/abc/archive?path=/x'],
  ])('is a bad gateway to a client of %s', async (_name, method, path) => {
    answer = [Buffer.from(text, 'latin1')];
    staysOpen = true;
    const response = await fetch(api.url + path, { method });
    expect(response.status).toBe(502);
    expect(((await response.json()) as { message: string }).message).toContain(message);
  });

  test.skipIf(text.includes(' 101 '))('is a bad gateway to a client that attaches', async () => {
    answer = [Buffer.from(text, 'latin1')];
    staysOpen = true;
    const client = await api.connect();
    client.write(
      'POST /containers/abc/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n',
    );
    const seen = await collected(client);
    expect(seen).toMatch(/^HTTP\/1.1 502 /);
    expect(JSON.parse(seen.slice(seen.indexOf('{'))).message).toContain(message);
    client.destroy();
  });
});

describe.each([
  ['no size', `${CHUNKED}hello\r\n`],
  ['a size and more', `${CHUNKED}5 5\r\nhello\r\n0\r\n\r\n`],
  ['a size beyond all numbers', `${CHUNKED}123456789\r\nhello`],
  ['a chunk longer than its size', `${CHUNKED}2\r\nhello\r\n0\r\n\r\n`],
  ['lines that end in a line feed alone', `${CHUNKED}5\nhello\n0\n\n`],
  ['a size line without end', `${CHUNKED}5;${'x'.repeat(2_000)}`],
  ['a trailer without end', `${CHUNKED}0\r\n${`X: ${'x'.repeat(500)}\r\n`.repeat(200)}`],
])('chunks with %s', (_what, text) => {
  test('are refused by all', async () => {
    answer = [Buffer.from(text)];
    staysOpen = true;
    expect(await expectAllAgree()).toBe('refused');
  });
});

test.each([
  ['a length', `${OK}Content-Length: 10\r\n\r\nhello`],
  ['chunks', `${CHUNKED}5\r\nhello\r\n`],
  ['a chunk', `${CHUNKED}5\r\nhel`],
  ['a trailer', `${CHUNKED}0\r\nX: y\r\n`],
  ['a head', OK],
])('an answer cut short of %s is refused by all', async (_what, text) => {
  answer = [Buffer.from(text)];
  staysOpen = false;
  expect(await expectAllAgree()).toBe('refused');
});

/** Well-formed answers with a body. */
const whole = fc
  .record({
    framing: fc.constantFrom('sized', 'chunked', 'until closed'),
    parts: fc.array(fc.string({ minLength: 1, maxLength: 40 }), { maxLength: 6 }),
    status: fc.constantFrom(200, 200, 201, 404, 500),
  })
  .map(({ framing, parts, status }) => {
    const body = parts.join('\n');
    const head = `HTTP/1.1 ${status} Words\r\nX-Some: thing\r\n`;
    const text =
      framing === 'chunked'
        ? `${head}Transfer-Encoding: chunked\r\n\r\n${chunked(...parts.map((part, i) => (i === 0 ? part : `\n${part}`)))}`
        : framing === 'sized'
          ? `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
          : `${head}\r\n${body}`;
    return { bytes: Buffer.from(text), status, body: Buffer.from(body).toString('latin1') };
  });

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

test('any well-formed answer is read alike, in whatever pieces it comes', { timeout: 120_000 }, async () => {
  staysOpen = false;
  await fc.assert(
    fc.asyncProperty(whole, fc.array(fc.nat(), { maxLength: 6 }), async ({ bytes, status, body }, cuts) => {
      answer = pieces(bytes, cuts);
      expect(await expectAllAgree()).toEqual({ status, body });
    }),
    { numRuns: 100 },
  );
});

/** One place of an answer, and what is done to it. */
const change = fc.record({
  at: fc.nat(),
  removed: fc.nat({ max: 6 }),
  added: fc.oneof(
    fc.constantFrom('', '\r\n', '\n', '\r', ' ', ':', ',', '0', '5', 'f', '\0', 'HTTP/1.1 100 Continue\r\n\r\n'),
    fc.constantFrom('Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Transfer-Encoding: gzip, chunked\r\n'),
    fc.string({ maxLength: 4 }),
  ),
});

test('any damaged answer is read alike or refused by all', { timeout: 240_000 }, async () => {
  staysOpen = false;
  await fc.assert(
    fc.asyncProperty(whole, fc.array(change, { minLength: 1, maxLength: 3 }), async ({ bytes }, changes) => {
      let damaged = bytes;
      for (const { at, removed, added } of changes) {
        const place = at % (damaged.length + 1);
        damaged = Buffer.concat([damaged.subarray(0, place), Buffer.from(added), damaged.subarray(place + removed)]);
      }
      answer = [damaged];
      await expectAllAgree();
    }),
    { numRuns: 250 },
  );
});
