import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { ChunkedDecoder } from './chunked.ts';
import { EngineClient } from './client.ts';
import { tcpConnector } from './connectors/socket.ts';
import { type EventStream, LineSplitter, openEventStream } from './event-stream.ts';

/** Cuts bytes at the given places. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });
const aText = fc.string({ unit: 'grapheme', maxLength: 40 });

describe('lines', () => {
  test('come whole however the bytes are cut, within characters too', () => {
    fc.assert(
      fc.property(
        fc.array(
          aText.map((text) => text.replaceAll('\n', '')),
          { maxLength: 8 },
        ),
        cuts,
        (texts, places) => {
          const seen: string[] = [];
          const splitter = new LineSplitter((line) => seen.push(line));
          for (const piece of pieces(Buffer.from(texts.map((text) => `${text}\n`).join('')), places))
            splitter.feed(piece);
          expect(seen).toEqual(texts.filter((text) => text.trim() !== ''));
        },
      ),
    );
  });

  test('an unfinished one is kept back', () => {
    const seen: string[] = [];
    const splitter = new LineSplitter((line) => seen.push(line));
    splitter.feed(Buffer.from('{"a":'));
    expect(seen).toEqual([]);
    splitter.feed(Buffer.from('1}\r\n'));
    expect(seen).toEqual(['{"a":1}\r']);
  });

  test('one without end is refused', () => {
    const splitter = new LineSplitter(() => undefined);
    const piece = Buffer.alloc(64 * 1024, 'x');
    expect(() => {
      for (let fed = 0; fed <= 17; fed += 1) splitter.feed(piece);
    }).toThrow('longer than 1 MiB');
  });
});

describe('chunked answers', () => {
  const aChunk = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));

  function encode(chunks: readonly Buffer[], extension: string, trailer: string): Buffer {
    const framed = chunks.map((chunk) =>
      Buffer.concat([Buffer.from(`${chunk.length.toString(16)}${extension}\r\n`), chunk, Buffer.from('\r\n')]),
    );
    return Buffer.concat([...framed, Buffer.from(`0\r\n${trailer}\r\n`)]);
  }

  test('give back what was framed however the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(aChunk, { maxLength: 6 }),
        fc.constantFrom('', ';name=value', ' '),
        fc.constantFrom('', 'X-Sum: 1\r\n', 'A: 1\r\nB: 2\r\n'),
        cuts,
        (chunks, extension, trailer, places) => {
          const seen: Buffer[] = [];
          const decoder = new ChunkedDecoder((data) => seen.push(Buffer.from(data)));
          for (const piece of pieces(encode(chunks, extension, trailer), places)) decoder.feed(piece);
          expect(Buffer.concat(seen).equals(Buffer.concat(chunks))).toBe(true);
          expect(decoder.isAtEnd).toBe(true);
        },
      ),
    );
  });

  test('are not at their end before their end', () => {
    fc.assert(
      fc.property(fc.array(aChunk, { maxLength: 4 }), fc.nat(), (chunks, cut) => {
        const bytes = encode(chunks, '', '');
        const decoder = new ChunkedDecoder(() => undefined);
        decoder.feed(bytes.subarray(0, cut % bytes.length));
        expect(decoder.isAtEnd).toBe(false);
      }),
    );
  });

  test.each([
    ['no number', 'hello\r\n'],
    ['a negative one', '-1\r\n'],
    ['a huge one', '123456789abcdef\r\n'],
    ['a line without end', 'a'.repeat(2000)],
    ['a chunk that goes on after its end', '2\r\nabcd\r\n'],
  ])('refuse %s', (_name, text) => {
    const decoder = new ChunkedDecoder(() => undefined);
    expect(() => decoder.feed(Buffer.from(text))).toThrow('engine sent');
  });
});

describe('a subscription', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  function clientOf(address: string): EngineClient {
    const [host = '', port = ''] = address.split(':');
    const client = new EngineClient(tcpConnector(host, Number(port)));
    closing.push(() => client.close());
    return client;
  }

  /** A server that answers with the given bytes and leaves the connection open. */
  async function answering(...bytes: readonly string[]): Promise<EngineClient> {
    const server = await RawServer.start((socket) => {
      socket.once('data', () => {
        for (const piece of bytes) socket.write(piece);
      });
    });
    closing.push(() => server.close());
    return clientOf(server.address);
  }

  test('hears every event as the engine wrote it', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const texts: string[] = [];
    await openEventStream(clientOf(engine.address), (text) => texts.push(text), 1_000);
    engine.run({ name: 'web' });
    engine.run({ name: 'db' });
    await waitUntil(() => texts.length === 4);
    expect(texts.map((text) => JSON.parse(text).Action)).toEqual(['create', 'start', 'create', 'start']);
  });

  test.each([
    ['the connection ends', (engine: FakeEngine) => engine.apply({ kind: 'refuse' })],
    ['the engine is closed', (engine: FakeEngine) => engine.close()],
  ])('ends when %s', async (_name, end) => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const stream = await openEventStream(clientOf(engine.address), () => undefined, 1_000);
    await end(engine);
    expect(await stream.ended).toBeInstanceOf(Error);
  });

  test('ends with the answer, though the connection stays open', async () => {
    const texts: string[] = [];
    const client = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n');
    const stream = await openEventStream(client, (text) => texts.push(text), 1_000);
    expect((await stream.ended).message).toBe('the engine ended its event stream');
    expect(texts).toEqual(['{}']);
  });

  test('ends when the framing is broken', async () => {
    const client = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhat?\r\n');
    const stream = await openEventStream(client, () => undefined, 1_000);
    expect((await stream.ended).message).toBe('the engine sent a malformed chunk size');
  });

  test('reads an answer without framing', async () => {
    const texts: string[] = [];
    const client = await answering('HTTP/1.1 200 OK\r\n\r\n{"n":1}\n{"n"', ':2}\n');
    await openEventStream(client, (text) => texts.push(text), 1_000);
    await waitUntil(() => texts.length === 2);
    expect(texts).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('is refused with the reason of the engine', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    engine.lie('GET /events', 503, { message: 'not today' });
    await expect(openEventStream(clientOf(engine.address), () => undefined, 1_000)).rejects.toThrow('not today');
  });

  test('is given up when the engine does not answer', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    engine.stall('GET /events');
    const opened = openEventStream(clientOf(engine.address), () => undefined, 50);
    await expect(opened).rejects.toThrow('no answer within 50 ms');
  });

  test.each([
    ['it', (stream: EventStream) => stream.close()],
    ['its client', (_stream: EventStream, client: EngineClient) => void client.close()],
  ])('ends when %s is closed', async (_what, close) => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const client = clientOf(engine.address);
    const stream = await openEventStream(client, () => undefined, 1_000);
    close(stream, client);
    expect((await stream.ended).message).toBe('the connection was closed');
  });
});
