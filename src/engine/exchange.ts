import type { OnReadOpts } from 'node:net';
import type { Duplex } from 'node:stream';
import { EngineError } from '../common/errors.ts';
import type { ApiVersion } from './api-version.ts';
import type { Expected, ResponseHead } from './http/response-head.ts';

/** One call to an engine. `path` starts with `/` and carries no API version; the client adds it. */
export interface EngineRequest {
  readonly method: string;
  readonly path: string;
  /** The API version the answer should have (a client's); clamped to what the engine speaks. Default: the newest both know. */
  readonly api?: ApiVersion | undefined;
  /** True sends the path as it is, for the calls made before versions are negotiated. */
  readonly isUnversioned?: boolean | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: string | Buffer | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bound on the whole exchange in milliseconds; default 30 s. 0 means none (only with a signal). */
  readonly timeoutMs?: number | undefined;
  /**
   * True lets the call go out together with others of the same turn of the event loop over one connection (HTTP pipelining). For
   * reads in the background: many of them cost few writes and one connection, but each waits for those before it.
   */
  readonly isPipelined?: boolean | undefined;
  /** Bound on the answer's size in bytes; default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** A whole answer. Statuses of 400 and more are answers too: only transport failures reject. */
export interface EngineAnswer {
  readonly statusCode: number;
  /** Names and values in turn, spelled as received. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

/** A raw exchange on a connection of its own: for hijacked, upgraded and long or large streams. */
export interface RawExchange extends ResponseHead {
  /** Positioned right behind `rest`, paused, half-open. The caller owns and must destroy it. */
  readonly socket: Duplex;
}

/** A request whose head we write ourselves; the caller then streams the body into `socket`. */
export interface RawRequest {
  readonly method: string;
  readonly path: string;
  readonly api?: ApiVersion | undefined;
  /** True sends the path as it is, as in {@link EngineRequest.isUnversioned}. */
  readonly isUnversioned?: boolean | undefined;
  /** Complete headers except Host, e.g. `Connection`, `Upgrade`, `Content-Length`; a list is one line for each value. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Buffer | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Bound in milliseconds on the time until the answer's head is there; only for `open`. Default none. */
  readonly timeoutMs?: number | undefined;
  /** Takes what is read instead of `data` events, see {@link Connector.connect}; only for `send`. */
  readonly reader?: OnReadOpts | undefined;
}

/** What an answer to the request may be. */
export function expectedOf({ method, headers }: RawRequest): Expected {
  return { method, mayUpgrade: Object.keys(headers).some((name) => name.toLowerCase() === 'upgrade') };
}

/** Thrown by {@link EngineClient.json} for an answer of 400 or more; carries the engine's own status and message. */
export class EngineAnswerError extends EngineError {
  constructor(message: string, status: number) {
    super(message, 'ENGINE_ANSWER', undefined, status);
  }
}

/** The `message` of Docker's error body, or the start of whatever came instead. */
export function messageOf(body: Buffer): string {
  const text = body.toString();
  try {
    const message: unknown = (JSON.parse(text) as { message?: unknown }).message;
    if (typeof message === 'string') return message;
  } catch {
    // Not JSON: engines before API 1.24 and proxies answer plain text.
  }
  return text.slice(0, 500).trim() || 'the engine gave no reason';
}
