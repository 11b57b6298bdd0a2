import type { IncomingMessage, ServerResponse } from 'node:http';
import { BadRequestError, ClusterError, clipped, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { PageError } from './protocol.ts';
import type { Session } from './sessions.ts';

/** One call of a page, whose session is known. */
export interface PageCall {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** Of the path, percent-decoded. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: URLSearchParams;
  readonly session: Session;
  /** Aborted when the page leaves before its answer is complete. */
  readonly signal: AbortSignal;
}

/** Answers one call. What it throws becomes a `PageError`. */
export type PageHandler = (call: PageCall) => Promise<void>;

/** By `GET containers/:id`. Everything but GET changes something, and is refused to pages that may only look. */
export type PageRoutes = Readonly<Record<string, PageHandler>>;

/** Bodies are a few words. */
const MAX_BODY_BYTES = 64 * 1024;

export function sendValue(res: ServerResponse, value: unknown, status = 200): void {
  const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
  res.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': bytes.length,
    'Cache-Control': 'no-store',
  });
  res.end(bytes);
}

export function sendNothing(res: ServerResponse): void {
  res.writeHead(204, { 'Cache-Control': 'no-store' });
  res.end();
}

/** The one place where a thrown value becomes an answer. */
export function sendFailure(res: ServerResponse, error: unknown, logger: Logger): void {
  if (!(error instanceof ClusterError)) logger.error({ err: error }, 'unexpected error in a call of a page');
  if (res.destroyed || res.writableEnded) return;
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status, code } = error instanceof ClusterError ? error : { status: 500, code: 'INTERNAL' };
  const body: PageError = { message: clipped(error instanceof ClusterError ? error.message : reasonOf(error)), code };
  sendValue(res, body, status >= 400 && status <= 599 ? status : 500);
}

/** Reads a JSON object, at most 64 KiB of it. Throws 400, 413 or 415. */
export async function readObject(req: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/i.test(req.headers['content-type'] ?? ''))
    throw new ClusterError('the body should be application/json', { code: 'BAD_TYPE', status: 415 });
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of req as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MAX_BODY_BYTES)
      throw new ClusterError('the body is longer than 64 KiB', { code: 'BODY_TOO_LARGE', status: 413 });
    pieces.push(piece);
  }
  const value = parse(Buffer.concat(pieces).toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new BadRequestError('the body should be a JSON object', 'BAD_BODY');
  return value as Readonly<Record<string, unknown>>;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
