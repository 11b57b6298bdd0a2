import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from '../../src/common/errors.ts';
import type { Connector } from '../../src/engine/connectors/connector.ts';

/** A connector and the far end of its streams. */
export interface ConnectorWorld {
  readonly connector: Connector;
  /** True where our side ends with the far one: `docker system dial-stdio` ends then, and what we write later is lost. */
  readonly endsWithFarSide?: boolean;
  /** What the far end does with each stream from now on. */
  serve(onStream: (stream: Socket) => void): void;
  /** Ends the far end, so that no new stream can be opened. */
  breakIt(): Promise<void>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 120_000;

/** What every connector promises, run against the worlds that `open` makes. */
export function testConnector(name: string, open: () => Promise<ConnectorWorld>): void {
  describe(`connector ${name}`, () => {
    let world: ConnectorWorld;
    beforeEach(async () => {
      world = await open();
    });
    afterEach(async () => {
      await world.connector.close();
      await world.close();
    });
    const connect = async (): Promise<Duplex> => ignoringErrors(await world.connector.connect(TIMEOUT_MS));

    test('says where it leads', () => {
      expect(world.connector.address).toMatch(new RegExp(`^${name.split(' ')[0]}://`));
      expect(world.connector.host).not.toBe('');
    });

    test('carries bytes both ways as they are', async () => {
      world.serve((stream) => stream.pipe(stream));
      const stream = await connect();
      const sent = Buffer.from(Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) >> 3));
      stream.write(sent);
      expect((await received(stream, sent.length)).equals(sent)).toBe(true);
    });

    test('leaves the far side open when ours ends', async () => {
      world.serve((stream) => {
        const heard: Buffer[] = [];
        stream.on('data', (bytes: Buffer) => heard.push(bytes));
        stream.once('end', () => stream.end(`heard ${Buffer.concat(heard).toString()}`));
      });
      const stream = await connect();
      stream.end('all of it');
      expect((await everything(stream)).toString()).toBe('heard all of it');
    });

    test('leaves our side open when the far one ends', async () => {
      // Not only ours: `docker system dial-stdio` first asks whether the engine is there.
      const heard: string[] = [];
      world.serve((stream) => {
        stream.end('that is all');
        void everything(stream).then((bytes) => heard.push(bytes.toString()));
      });
      const stream = await connect();
      expect((await everything(stream)).toString()).toBe('that is all');
      if (world.endsWithFarSide) return;
      stream.end('and this is ours');
      await expect.poll(() => heard, { timeout: TIMEOUT_MS }).toContain('and this is ours');
    });

    test('brings all that the far side sends when ours ends in the middle of it', async () => {
      const sent = Buffer.alloc(300_000, 'x');
      world.serve((stream) => void stream.write(sent));
      const stream = await connect();
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        // In the microtask behind the first chunk, where what awaits an answer's head runs.
        if (bytes === 0) void Promise.resolve().then(() => stream.end());
        bytes += chunk.length;
      });
      await expect.poll(() => bytes, { timeout: TIMEOUT_MS }).toBe(sent.length);
    });

    test('keeps streams apart', async () => {
      world.serve((stream) => stream.pipe(stream));
      const streams = await Promise.all(Array.from({ length: 12 }, connect));
      for (const [i, stream] of streams.entries()) stream.end(`stream ${i}`);
      const answers = await Promise.all(streams.map(everything));
      expect(answers.map(String)).toEqual(streams.map((_, i) => `stream ${i}`));
    });

    test('tells the far end that a stream was destroyed', async () => {
      const gone = new Promise<void>((resolve) => {
        world.serve((stream) => {
          stream.resume().once('end', resolve).once('close', resolve);
          stream.write('hello');
        });
      });
      const stream = await connect();
      await received(stream, 5);
      stream.destroy();
      await gone;
    });

    test('tells that the far end cut a stream', async () => {
      world.serve((stream) => stream.once('data', () => stream.destroy()));
      const stream = await connect();
      const closed = once(stream, 'end').catch(() => undefined);
      stream.resume().write('cut me');
      await closed;
    });

    test('gives what is read to the reader or as data, once', async () => {
      world.serve((stream) => stream.pipe(stream));
      let heard = '';
      const buffer = Buffer.alloc(1024);
      const reader = {
        buffer,
        callback: (bytes: number) => {
          heard += buffer.toString('latin1', 0, bytes);
          return true;
        },
      };
      const stream = ignoringErrors(await world.connector.connect(TIMEOUT_MS, undefined, reader));
      stream.on('data', (bytes: Buffer) => {
        heard += bytes.toString('latin1');
      });
      stream.end('hello'.repeat(1_000));
      await once(stream.resume(), 'end');
      expect(heard).toBe('hello'.repeat(1_000));
    });

    test('rejects with the reason when given up before', async () => {
      const given = world.connector.connect(TIMEOUT_MS, AbortSignal.abort(new Error('no longer wanted')));
      const failure = await failureOf(given);
      expect(failure.message).toContain(`connect to engine ${world.connector.address}: no longer wanted`);
    });

    test('rejects with the address and the cause when the far end is not there', async () => {
      await world.breakIt();
      const failure = await failureOf(world.connector.connect(TIMEOUT_MS));
      expect(failure.message).toMatch(/^connect to engine \S+: [^\n]+$/);
      expect(failure.message).toContain(world.connector.address);
    });

    test('destroys its streams when closed, and opens none afterwards', async () => {
      world.serve((stream) => void stream.resume());
      const stream = await connect();
      const closed = new Promise((resolve) => stream.once('close', resolve));
      await world.connector.close();
      await closed;
      await world.connector.close();
      await failureOf(world.connector.connect(TIMEOUT_MS));
    });
  });
}

/** A stream may fail when its far end goes; each test says itself what it waits for. */
function ignoringErrors(stream: Duplex): Duplex {
  return stream.on('error', () => undefined);
}

async function failureOf(connecting: Promise<Duplex>): Promise<EngineError> {
  const failure: unknown = await connecting.then(
    (stream) => stream.destroy(),
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(EngineError);
  return failure as EngineError;
}

function received(stream: Duplex, bytes: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let length = 0;
    stream.on('data', (piece: Buffer) => {
      pieces.push(piece);
      length += piece.length;
      if (length >= bytes) resolve(Buffer.concat(pieces));
    });
  });
}

async function everything(stream: Duplex): Promise<Buffer> {
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  await once(stream, 'end');
  return Buffer.concat(pieces);
}
