import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Container } from '../../cluster/container.ts';
import { reasonOf } from '../../common/errors.ts';
import type { ResponseHead } from '../../engine/http/response-head.ts';
import { acceptBody } from '../body.ts';
import type { Call } from '../call.ts';
import { socketForAnswer } from '../client-socket.ts';
import type { EngineStream } from '../engine-stream.ts';
import { closeOf, headFor, isRawStream, openRaw } from '../hijack.ts';
import { lingeringEnd } from '../refusal.ts';
import { pipeAnswer } from '../relay.ts';
import { parsedInput, type RawClient } from '../request-input.ts';
import { WholeFrames } from './frames.ts';
import { endsAtMove } from './resumed.ts';
import type { StreamEnd } from './sequels.ts';

/**
 * `attach` to a container that may be moved: output goes on with the successor's from its start, input goes to it. Between the two the client's
 * input waits in its connection.
 */
export async function attachAcrossMoves(call: Call, container: Container): Promise<void> {
  const input = call.upgrade?.input ?? parsedInput(call.req, () => acceptBody(call));
  const stream = await openRaw(call, container.node, pathOf(call, container, false));
  try {
    const head = await stream.head(call.signal);
    if (!isRawStream(head)) return await pipeAnswer(call, stream, head);
    await socketForAnswer(call);
    const client = input.take();
    client.socket.write(headFor(call, head));
    await new Attachment(call, client).run(container, stream, head);
  } finally {
    stream.destroy();
  }
}

/** A client that is attached to one copy after the other. */
class Attachment {
  readonly #call: Call;
  readonly #client: Duplex;
  readonly #input: Input;
  readonly #frames = new WholeFrames();
  readonly #left = new AbortController();

  constructor(call: Call, client: RawClient) {
    this.#call = call;
    this.#client = client.socket;
    this.#input = new Input(client);
  }

  async run(container: Container, stream: EngineStream, head: ResponseHead): Promise<void> {
    const { signal } = this.#call;
    const leave = (): void => this.#left.abort(new Error('the client left'));
    const onAbort = (): void => {
      leave();
      lingeringEnd(this.#client);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#client.once('close', leave);
    const closed = closeOf(this.#client);
    if (signal.aborted) onAbort();
    try {
      const end = await this.#follow(container, stream, head);
      this.#input.drop();
      if (end === 'ended') this.#client.end();
      else this.#client.destroy();
    } catch {
      if (!signal.aborted) this.#client.destroy(); // It left, or does not take what comes.
    }
    await closed;
    signal.removeEventListener('abort', onAbort);
  }

  async #follow(first: Container, firstStream: EngineStream, firstHead: ResponseHead): Promise<StreamEnd> {
    let container = first;
    /** The copy that the client was joined to last: another one is read from its start, however often that takes. */
    let joinedId = first.engineId;
    let joined: Joined | undefined = { stream: firstStream, head: firstHead };
    for (let empty = 0; empty < MOST_EMPTY; ) {
      const { how, hasData } = joined ? await this.#one(joined) : { how: 'cut' as const, hasData: false };
      joined?.stream.destroy();
      this.#left.signal.throwIfAborted();
      const sequel = await this.#call.services.sequels.after(container, how, this.#left.signal);
      if (sequel.kind === 'over') return sequel.exitCode === undefined ? how : 'ended';
      if (endsAtMove(this.#call, container, sequel.container)) return 'ended';
      const isSame = sequel.container.engineId === container.engineId;
      empty = isSame && !hasData ? empty + 1 : 0;
      container = sequel.container;
      joined = await this.#open(container, container.engineId === joinedId);
      if (joined) joinedId = container.engineId;
    }
    return 'cut';
  }

  /** Joins the client to one copy until that has no more. */
  async #one({ stream, head }: Joined): Promise<{ readonly how: StreamEnd; readonly hasData: boolean }> {
    const onLeft = (): void => stream.destroy();
    this.#left.signal.addEventListener('abort', onLeft, { once: true });
    this.#frames.begin();
    this.#input.turnTo(stream.socket);
    let hasData = false;
    try {
      for await (const chunk of stream.body({ ...head, framing: { kind: 'until closed' } })) {
        hasData = true;
        for (const piece of this.#frames.feed(chunk as Buffer)) await this.#write(piece);
      }
      return { how: 'ended', hasData };
    } catch {
      return { how: 'cut', hasData };
    } finally {
      this.#left.signal.removeEventListener('abort', onLeft);
      this.#input.turnTo(undefined);
    }
  }

  async #write(piece: Buffer): Promise<void> {
    if (!this.#client.write(piece)) await once(this.#client, 'drain', { signal: this.#left.signal });
  }

  async #open(container: Container, isSame: boolean): Promise<Joined | undefined> {
    let stream: EngineStream | undefined;
    try {
      stream = await openRaw(this.#call, container.node, pathOf(this.#call, container, !isSame));
      const head = await stream.head(this.#left.signal);
      if (isRawStream(head)) return { stream, head };
    } catch (error) {
      const fields = { container: container.name, reason: reasonOf(error) };
      this.#call.services.logger.debug(fields, 'a client was not attached to the container again');
    }
    stream?.destroy();
    return undefined;
  }
}

/** A copy that a client is joined to. */
interface Joined {
  readonly stream: EngineStream;
  readonly head: ResponseHead;
}

/** Attached in vain to the same copy this often in a row, a client is let go. */
const MOST_EMPTY = 5;
/** What a client may send in bytes while there is no copy to take it; then it has to wait. */
const MOST_WAITING = 64 * 1024;

/** What a client sends, to the copy that it is joined to now. */
class Input {
  readonly #client: Duplex;
  readonly #strip: (chunk: Buffer) => Buffer;
  /** What came while there was no engine. */
  #waiting: Buffer[];
  #isOver = false;
  #engine: Duplex | undefined;
  #hasEnded = false;

  constructor({ socket, early, strip }: RawClient) {
    this.#client = socket;
    this.#strip = strip;
    this.#waiting = early.length > 0 ? [early] : [];
    socket.on('data', (chunk: Buffer) => this.#onData(this.#strip(chunk)));
    if (socket.readableEnded) this.#hasEnded = true;
    else socket.once('end', () => this.#onEnd());
  }

  /** Sends everything to `engine` from now on; to nobody without one, and then the client has to wait. */
  turnTo(engine: Duplex | undefined): void {
    this.#engine = engine;
    if (!engine) return;
    for (const chunk of this.#waiting.splice(0)) engine.write(chunk);
    if (this.#hasEnded) return void engine.end();
    engine.on('drain', () => {
      if (this.#engine === engine) this.#client.resume();
    });
    this.#client.resume();
  }

  /** There is nobody any more: what comes is read, so that the client's leaving is seen, and dropped. */
  drop(): void {
    this.#isOver = true;
    this.#waiting = [];
    this.#client.resume();
  }

  #onData(chunk: Buffer): void {
    if (chunk.length === 0 || this.#isOver) return;
    if (this.#engine) {
      if (!this.#engine.write(chunk)) this.#client.pause();
      return;
    }
    this.#waiting.push(chunk);
    if (this.#waiting.reduce((total, { length }) => total + length, 0) >= MOST_WAITING) this.#client.pause();
  }

  #onEnd(): void {
    this.#hasEnded = true;
    this.#engine?.end();
  }
}

/** `hasLogs`: with what a successor said before the client is attached to it. */
function pathOf({ query }: Call, { engineId }: Container, hasLogs: boolean): string {
  const asked = new URLSearchParams(query);
  if (hasLogs) asked.set('logs', '1');
  const text = asked.toString();
  return `/containers/${engineId}/attach${text === '' ? '' : `?${text}`}`;
}
