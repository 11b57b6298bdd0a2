import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A connection of which one direction has ended and nothing comes in the other one is ended after this many milliseconds. */
const HALF_CLOSED_MS = 600_000;
/** After this many milliseconds without a byte the systems of both ends are asked whether they are there. */
const KEEP_ALIVE_MS = 60_000;

/** A connection, of a socket or of an agent's. */
export type Carried = Duplex & { setTimeout?(timeoutMs: number): unknown };

/**
 * Passes both directions on until both have ended, or one end breaks: with back-pressure, the end of one direction alone, and what was cut at one
 * end is cut at the other. Both ignore their errors already.
 */
export function join(client: Carried, upstream: Carried): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    if (from instanceof Socket) from.setKeepAlive(true, KEEP_ALIVE_MS);
    from.once('end', () => {
      from.setTimeout?.(HALF_CLOSED_MS);
      to.setTimeout?.(HALF_CLOSED_MS);
    });
    from.once('timeout', () => cut(from));
    from.once('close', () => {
      // What was broken at one end is broken at the other, and does not look like an orderly end.
      if (!from.readableEnded || !from.writableFinished) cut(to);
    });
    from.pipe(to);
  }
  for (const [gone, left] of [
    [client, upstream],
    [upstream, client],
  ] as const)
    if (gone.destroyed) cut(left);
}

/** Ends a connection at once, so that its other end does not take it for an orderly end. Idempotent. */
export function cut(stream: Duplex): void {
  if (stream instanceof Socket) stream.resetAndDestroy();
  else if (!stream.destroyed) stream.destroy(new Error('the connection was cut'));
}
