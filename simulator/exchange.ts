import { STATUS_CODES } from 'node:http';
import type { MessageHead } from './http/head.ts';

/** What an exchange needs of the connection that carries it. */
export interface Carrier {
  /** Queues bytes to the client; false asks the caller to wait for {@link Exchange.onDrain}. */
  write(data: string | Buffer): boolean;
  /** The answer is complete: the next pipelined request may be read. */
  finish(): void;
  /** From now on the connection carries raw bytes: `onData` gets what the client sends, `onEnd` its half-close. */
  hijack(onData: (chunk: Buffer) => void, onEnd: () => void): void;
  /** Ends our direction. */
  end(): void;
}

/** Consumer of a request body; unset, the body is read and thrown away. */
export interface BodySink {
  data(chunk: Buffer): void;
  end(): void;
}

const RAW_STREAM = 'application/vnd.docker.raw-stream';

/** One request and its answer. Every handler ends it with exactly one of `json`, `error`, `send`, `stream().end` or `hijack`. */
export class Exchange {
  readonly method: string;
  /** Path and query as sent. */
  readonly target: string;
  /** Path without `/v1.xx`, without query, still percent-encoded. */
  readonly path: string;
  readonly head: MessageHead;
  body: BodySink | undefined;
  readonly #carrier: Carrier;
  #query: URLSearchParams | undefined;
  #onClose: (() => void)[] = [];
  #onDrain: (() => void) | undefined;

  constructor(head: MessageHead, carrier: Carrier) {
    const [method = '', target = ''] = head.startLine.split(' ', 2);
    this.method = method;
    this.target = target;
    this.head = head;
    this.path = pathOf(target);
    this.#carrier = carrier;
  }

  get query(): URLSearchParams {
    const mark = this.target.indexOf('?');
    this.#query ??= new URLSearchParams(mark < 0 ? '' : this.target.slice(mark + 1));
    return this.#query;
  }

  /** Reads the whole body as JSON; an empty one is `{}`; broken JSON is answered with 400. */
  readJson(then: (body: Record<string, unknown>) => void): void {
    const chunks: Buffer[] = [];
    this.body = {
      data: (chunk) => void chunks.push(chunk),
      end: () => {
        const parsed = parseObject(Buffer.concat(chunks).toString());
        if (parsed === undefined) this.error(400, 'invalid JSON');
        else then(parsed);
      },
    };
  }

  /** Answers with a complete body. */
  send(status: number, body: string | Buffer, type: string, fields: string = ''): void {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const head = `${statusLine(status)}${fields}Content-Type: ${type}\r\nContent-Length: ${length}\r\n\r\n`;
    if (this.method === 'HEAD') this.#carrier.write(head);
    else if (typeof body === 'string') this.#carrier.write(head + body);
    else {
      this.#carrier.write(head);
      this.#carrier.write(body);
    }
    this.#carrier.finish();
  }

  /** Writes bytes built beforehand (head and body) as they are. */
  sendPrebuilt(bytes: Buffer): void {
    this.#carrier.write(bytes);
    this.#carrier.finish();
  }

  json(status: number, body: string): void {
    this.send(status, body, 'application/json');
  }

  error(status: number, message: string): void {
    this.json(status, `${JSON.stringify({ message })}\n`);
  }

  /** Answers 204 or 304. */
  empty(status: 204 | 304): void {
    this.#carrier.write(`${statusLine(status)}\r\n`);
    this.#carrier.finish();
  }

  /** Starts a chunked answer. */
  stream(type: string, fields: string = ''): ReplyStream {
    this.#carrier.write(`${statusLine(200)}${fields}Content-Type: ${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    return {
      write: (data) => {
        const length = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
        if (typeof data === 'string') return this.#carrier.write(`${length.toString(16)}\r\n${data}\r\n`);
        this.#carrier.write(`${length.toString(16)}\r\n`);
        this.#carrier.write(data);
        return this.#carrier.write('\r\n');
      },
      end: () => {
        this.#carrier.write('0\r\n\r\n');
        this.#carrier.finish();
      },
    };
  }

  /** Engine API: attach and exec answer 101 when the client asked to upgrade, else 200, and become raw in both cases. */
  hijack(onData: (chunk: Buffer) => void, onEnd: () => void): ReplyStream {
    const upgraded = this.head.field('upgrade') !== undefined;
    const status = upgraded
      ? 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n'
      : 'HTTP/1.1 200 OK\r\n';
    this.#carrier.write(`${status}Content-Type: ${RAW_STREAM}\r\n\r\n`);
    this.#carrier.hijack(onData, onEnd);
    return { write: (data) => this.#carrier.write(data), end: () => this.#carrier.end() };
  }

  /** Called once when the client's connection is gone or the answer is complete. */
  onClose(callback: () => void): void {
    this.#onClose.push(callback);
  }

  /** Called whenever the client has taken what was queued. */
  onDrain(callback: () => void): void {
    this.#onDrain = callback;
  }

  /** For the connection: the exchange is over. */
  closed(): void {
    const callbacks = this.#onClose;
    this.#onClose = [];
    for (const callback of callbacks) callback();
  }

  /** For the connection: there is room for more. */
  drained(): void {
    this.#onDrain?.();
  }
}

/** The open end of a streamed or hijacked answer. */
export interface ReplyStream {
  /** False asks the caller to wait for {@link Exchange.onDrain}. */
  write(data: string | Buffer): boolean;
  end(): void;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nApi-Version: 1.51\r\n`;
}

function pathOf(target: string): string {
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  if (!path.startsWith('/v1.')) return path;
  const slash = path.indexOf('/', 4);
  return slash < 0 ? '/' : path.slice(slash);
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
