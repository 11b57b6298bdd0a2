import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { BadRequestError } from '../common/errors.ts';
import { BodyReader } from '../engine/http/body-reader.ts';
import { ByteCollector } from '../engine/http/byte-collector.ts';
import type { Framing } from '../engine/http/framing.ts';
import { BodyTooLargeError } from './body-too-large.ts';
import { leaveHttp } from './leave-http.ts';

/** Largest body of a request that becomes a raw stream in bytes: exec options, a few hundred in practice. */
const MAX_BODY_BYTES = 1024 * 1024;

/** A client's connection that became a raw stream. */
export interface RawClient {
  /** To be listened to in the same turn, for it may be flowing. */
  readonly socket: Duplex;
  /** Bytes of the stream that were read already. */
  readonly early: Buffer;
  /** Takes off what is left of the request's body: to be called with every chunk, in order. */
  readonly strip: (chunk: Buffer) => Buffer;
}

/**
 * What a client sends behind the head of a request that becomes a raw stream: first its body, then the stream. Engines upgrade
 * without waiting for a body that they do not need, and what is left of it is never part of the stream.
 */
export interface RequestInput {
  /** The whole body; rejects when it is larger than 1 MiB or ends early. */
  body(): Promise<Buffer>;
  /** Ends HTTP on this connection. */
  take(): RawClient;
}

/** What was read of requests that are sent again, to another manager. */
const parsed = new WeakMap<IncomingMessage, ParsedInput>();

/** The input of an ordinary request: the same each time. `accept` is called before it is read. */
export function parsedInput(req: IncomingMessage, accept: () => void): RequestInput {
  const known = parsed.get(req);
  if (known) return known;
  const input = new ParsedInput(req);
  parsed.set(req, input);
  accept();
  return input;
}

/** The body that Node reads. `stream` and `head` are those of an `upgrade` event; without them it is an ordinary request. */
export class ParsedInput implements RequestInput {
  readonly #req: IncomingMessage;
  readonly #upgraded: { readonly stream: Duplex; readonly head: Buffer } | undefined;
  readonly #body = new Collected();

  constructor(req: IncomingMessage, upgraded?: { readonly stream: Duplex; readonly head: Buffer }) {
    this.#req = req;
    this.#upgraded = upgraded;
    req.on('data', (chunk: Buffer) => this.#body.add(chunk));
    req.once('end', () => this.#body.end());
    req.once('close', () => this.#body.cut());
  }

  body(): Promise<Buffer> {
    return this.#body.whole;
  }

  take(): RawClient {
    const req = this.#req;
    const { stream, head } = this.#upgraded ?? { stream: req.socket, head: NOTHING };
    if (req.complete && this.#upgraded) return { socket: stream, early: head, strip: keep };
    leaveHttp(req.socket);
    return { socket: req.socket, early: NOTHING, strip: req.complete ? keep : rest(req, this.#body.bytes) };
  }
}

/** The body that is the first part of the upgraded stream. */
export class StreamInput implements RequestInput {
  readonly #req: IncomingMessage;
  readonly #stream: Duplex;
  readonly #body = new Collected();
  readonly #feed: (chunk: Buffer) => number;
  #early: Buffer = NOTHING;

  constructor(req: IncomingMessage, stream: Duplex, head: Buffer) {
    this.#req = req;
    this.#stream = stream;
    this.#feed = feedOf(req, this.#body);
    stream.on('data', this.#onData).once('end', this.#onEnd).once('close', this.#onEnd);
    this.#onData(head);
  }

  body(): Promise<Buffer> {
    return this.#body.whole;
  }

  take(): RawClient {
    this.#stream.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onEnd);
    const strip = this.#body.isWhole ? keep : rest(this.#req, this.#body.bytes);
    return { socket: this.#stream, early: this.#early, strip };
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      const taken = this.#body.isWhole ? 0 : this.#feed(chunk);
      if (taken < chunk.length) this.#early = Buffer.concat([this.#early, chunk.subarray(taken)]);
    } catch {
      this.#body.fail(new BadRequestError('the chunks of the request body are malformed', 'BAD_CHUNKS'));
    }
    // The bytes behind the body wait for a reader.
    if (this.#body.isWhole || this.#body.hasFailed) this.#stream.pause();
  };

  readonly #onEnd = (): void => this.#body.cut();
}

/** Feeds a body's bytes as they travel; gives how many of a chunk belong to it. */
function feedOf(req: IncomingMessage, body: Collected): (chunk: Buffer) => number {
  const reader = new BodyReader(framingOf(req), (data) => body.add(data));
  return (chunk) => {
    const taken = reader.feed(chunk);
    if (reader.isWhole) body.end();
    return taken;
  };
}

/** Node's parser refused what is malformed or ambiguous. */
function framingOf(req: IncomingMessage): Framing {
  if (req.headers['transfer-encoding'] !== undefined) return { kind: 'chunked' };
  return { kind: 'sized', length: lengthOf(req) };
}

/** What is left of a body when its connection becomes a stream. */
function rest(req: IncomingMessage, received: number): (chunk: Buffer) => Buffer {
  if (req.headers['transfer-encoding'] !== undefined) return withoutLastChunk();
  let left = lengthOf(req) - received;
  return (chunk) => {
    const skipped = Math.min(left, chunk.length);
    left -= skipped;
    return chunk.subarray(skipped);
  };
}

/**
 * Clients that announce chunks and want to upgrade send none, and most not even the last one: what follows is the stream, as for an
 * engine. A last chunk that comes late and by itself is still HTTP.
 */
function withoutLastChunk(): (chunk: Buffer) => Buffer {
  let isFirst = true;
  return (chunk) => {
    const isLate = isFirst && chunk.subarray(0, LAST_CHUNK.length).equals(LAST_CHUNK);
    isFirst = false;
    return isLate ? chunk.subarray(LAST_CHUNK.length) : chunk;
  };
}

function lengthOf(req: IncomingMessage): number {
  return Number(req.headers['content-length'] ?? 0);
}

function keep(chunk: Buffer): Buffer {
  return chunk;
}

/** A body as far as it came. */
class Collected {
  /** Received so far. */
  bytes = 0;
  isWhole = false;
  hasFailed = false;
  readonly whole: Promise<Buffer>;
  readonly #bytes = new ByteCollector();
  #resolve: (body: Buffer) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor() {
    this.whole = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // A body that nothing reads may fail unheard.
    this.whole.catch(() => {});
  }

  add(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.bytes > MAX_BODY_BYTES) return this.fail(new BodyTooLargeError(MAX_BODY_BYTES));
    this.#bytes.add(chunk);
  }

  end(): void {
    this.isWhole = true;
    this.#resolve(this.#bytes.take());
  }

  cut(): void {
    if (!this.isWhole) this.fail(new BadRequestError('the request body ended early', 'BODY_CUT'));
  }

  fail(error: Error): void {
    this.hasFailed = true;
    this.#bytes.take();
    this.#reject(error);
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
