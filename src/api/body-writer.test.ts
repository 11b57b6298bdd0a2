import { PassThrough } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkReader } from '../engine/http/chunk-reader.ts';
import { BodyWriter } from './body-writer.ts';

/** What was written to a stream so far; since Node 26 one read gives one piece. */
function written(engine: PassThrough): Buffer {
  const pieces: Buffer[] = [];
  for (let piece: Buffer | null = engine.read(); piece; piece = engine.read()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** The body that a whole chunked message holds. */
function decoded(sent: Buffer): Buffer {
  const received: Buffer[] = [];
  const decoder = new ChunkReader((data) => received.push(Buffer.from(data)));
  decoder.feed(sent);
  expect(decoder.isAtEnd).toBe(true);
  return Buffer.concat(received);
}

describe('BodyWriter', () => {
  it('sends every byte in order, however the pieces come', async () => {
    const piece = fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.constant('turn' as const));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 30 }), fc.boolean(), async (pieces, isChunked) => {
        const engine = new PassThrough({ highWaterMark: 1024 * 1024 });
        const body = new BodyWriter(engine, isChunked);
        for (const each of pieces) {
          if (each === 'turn') await turn();
          else body.write(Buffer.from(each));
        }
        body.end();
        const sent = written(engine);
        const expected = Buffer.concat(pieces.flatMap((each) => (each === 'turn' ? [] : [each])));
        expect(isChunked ? decoded(sent) : sent).toEqual(expected);
      }),
    );
  });

  it('makes one chunk of what comes in one turn', async () => {
    const engine = new PassThrough();
    const body = new BodyWriter(engine, true);
    body.write(Buffer.from('one '));
    body.write(Buffer.from('piece'));
    await turn();
    expect(written(engine).toString()).toBe('9\r\none piece\r\n');
  });

  it('asks to pause when the engine takes nothing, until it does', async () => {
    const engine = new PassThrough({ highWaterMark: 1 });
    const body = new BodyWriter(engine, true);
    const piece = Buffer.alloc(200 * 1024);
    const asked: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      asked.push(body.write(piece));
      await turn();
    }
    expect(asked).toEqual([true, true, false]);
    const drained = new Promise((resolve) => engine.once('drain', resolve));
    engine.resume();
    await drained;
    expect(body.write(piece)).toBe(true);
  });

  it('writes nothing to an engine that is gone', async () => {
    const engine = new PassThrough();
    const body = new BodyWriter(engine, true);
    body.write(Buffer.from('lost'));
    engine.destroy();
    await turn();
    expect(body.write(Buffer.from('more'))).toBe(true);
    body.end();
  });
});
