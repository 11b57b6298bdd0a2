import type { ClientHttp2Session, ServerHttp2Session } from 'node:http2';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';

/**
 * How engine calls are carried over the connection that an agent opened: HTTP/2, the manager its client, one CONNECT stream (RFC 9113 §8.5)
 * per call, or per connection to a published port. What both ends must agree on.
 */

/** The path that an agent asks to upgrade, below `/enxame/v1/agents/{id}`. */
export const DIAL_PROTOCOL: string = 'enxame-dial';

/** What a stream to the engine asks for. */
export const ENGINE_AUTHORITY = 'engine';
/** What a port speaks. */
export type PortProtocol = 'tcp' | 'udp';
/**
 * What a stream to a port that the engine publishes asks for; the host is no IP address where any address of the agent's host will do. An agent that
 * carries TCP alone refuses `…:udp`.
 */
export function portAuthority(host: string, port: number, protocol: PortProtocol): string {
  const place = isIP(host) === 6 ? `[${host}]:${port}` : `${isIP(host) === 0 ? 'published' : host}:${port}`;
  return protocol === 'udp' ? `${place}:udp` : place;
}

/** What such a stream asks for; undefined for what is none. */
export function portIn(
  authority: string,
): { readonly host: string; readonly port: number; readonly protocol: PortProtocol } | undefined {
  const [, host, port, udp] = /^\[?([^[\]]+)\]?:([1-9]\d{0,4})(:udp)?$/.exec(authority) ?? [];
  return host === undefined ? undefined : { host, port: Number(port), protocol: udp === undefined ? 'tcp' : 'udp' };
}

/**
 * What one stream may hold that is not read yet, in bytes, as long as there are few; what all may hold together, and none has less than. See
 * `SharedWindow`. At 50 ms the largest one lets 80 MB/s through.
 */
export const STREAM_WINDOW: number = 4 * 1024 * 1024;
export const UNREAD_BYTES: number = 128 * 1024 * 1024;
export const SMALLEST_WINDOW: number = 64 * 1024;
/** What may be on its way of all streams together, in bytes. */
const SESSION_WINDOW: number = 32 * 1024 * 1024;
/**
 * What a session may hold in memory, in megabytes: its window, and a piece that waits to be sent of as many streams as there may be. With more Node
 * refuses new streams, calls to the engine among them.
 */
export const SESSION_MEMORY_MB = 512;
/** Largest question that a manager puts to an agent itself, and largest answer, in bytes. */
export const QUESTION_BYTES: number = 4 * 1024 * 1024;
/** Calls at once; more wait. */
export const MOST_STREAMS = 4_096;

const PING_MS = 5_000;
const MOST_MISSED = 3;

/** Sets up either end of a session that was just made on `socket`. */
export function beginSession(session: ClientHttp2Session | ServerHttp2Session, socket: Duplex): void {
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW);
  });
  // Its streams and its end tell it.
  session.on('error', () => undefined);
  // A reset (the other end was killed) must not end the process.
  socket.on('error', () => session.destroy());
  // Connections here may be half open, a session is not.
  socket.once('end', () => session.destroy());
  session.once('close', () => socket.destroy());
  endWhenSilent(session);
}

/** Destroys a session whose other end has not answered three pings, of five seconds each: a connection that died without a word. */
function endWhenSilent(session: ClientHttp2Session | ServerHttp2Session): void {
  let missed = 0;
  const timer = setInterval(() => {
    if (missed >= MOST_MISSED) return void session.destroy(new Error('its connection is silent'));
    missed += 1;
    // Fails when pings wait already, or the session ends.
    if (!session.destroyed)
      session.ping((error) => {
        if (!error) missed = 0;
      });
  }, PING_MS);
  session.once('close', () => clearInterval(timer));
}
