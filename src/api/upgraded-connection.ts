import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type { UpgradeRequest } from './call.ts';
import { lingeringEnd } from './refusal.ts';
import type { RawClient } from './request-input.ts';

type Callback = (error?: Error | null) => void;

/**
 * What an HTTP server reads and writes in the place of a connection that Node gave up for an upgrade: the same request, not asking to
 * upgrade. So it gets an ordinary answer when it must (an error, or a route that ignores `Upgrade`, as HTTP allows). The
 * connection ends with that answer.
 */
export class UpgradedConnection extends Duplex {
  /** Present when the request may become a raw stream; the server then sees no body. */
  readonly upgrade: UpgradeRequest | undefined;
  readonly #client: Duplex;
  #isTaken = false;

  /** `head` is what came behind the head of the request. */
  constructor(req: IncomingMessage, client: Duplex, head: Buffer, upgrade?: UpgradeRequest) {
    super();
    this.#client = client;
    this.upgrade = upgrade && {
      ...upgrade,
      input: { body: () => upgrade.input.body(), take: () => this.#take(upgrade) },
    };
    client.once('close', () => this.destroy());
    this.push(requestHead(req, upgrade !== undefined));
    if (!upgrade) this.#passOn(head);
  }

  override _read(): void {
    if (!this.upgrade) this.#client.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: Callback): void {
    if (this.#isTaken) callback();
    else this.#client.write(chunk, encoding, callback);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], callback: Callback): void {
    if (this.#isTaken) return callback();
    this.#client.cork();
    for (const [i, { chunk, encoding }] of chunks.entries()) {
      if (i < chunks.length - 1) this.#client.write(chunk, encoding);
      else this.#client.write(chunk, encoding, callback);
    }
    this.#client.uncork();
  }

  override _final(callback: Callback): void {
    if (!this.#isTaken) lingeringEnd(this.#client);
    callback();
    this.push(null);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    // When all is said the client may read it in peace.
    if (!this.#isTaken && !this.writableFinished) this.#client.destroy();
    callback(error);
  }

  #take({ input }: UpgradeRequest): RawClient {
    this.#isTaken = true;
    return input.take();
  }

  #passOn(head: Buffer): void {
    const client = this.#client;
    if (head.length > 0) this.push(head);
    client.on('data', (chunk: Buffer) => {
      if (!this.readableEnded && !this.destroyed && !this.push(chunk)) client.pause();
    });
    client.once('end', () => this.push(null));
  }
}

/** The head as the client wrote it, without what asks to upgrade and, if `isAlone`, without what announces a body. */
function requestHead(req: IncomingMessage, isAlone: boolean): Buffer {
  const lines = [`${req.method} ${req.url} HTTP/${req.httpVersion}`];
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (!OF_UPGRADE.has(lower) && !(isAlone && OF_BODY.has(lower))) lines.push(`${name}: ${req.rawHeaders[i + 1]}`);
  }
  return Buffer.from([...lines, 'Connection: close', '', ''].join('\r\n'), 'latin1');
}

const OF_UPGRADE = new Set(['connection', 'upgrade', 'http2-settings']);
const OF_BODY = new Set(['content-length', 'transfer-encoding', 'expect']);
