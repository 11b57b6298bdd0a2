import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** A peer that does not close its side gets so long, in milliseconds. */
const CLOSE_MS = 1_000;

/**
 * Answers a request to leave HTTP that is not let in, and ends its connection. The server has let go of such a connection and knows no
 * bound for it any more: one that stays half open is cut here.
 */
export function endUpgrade(
  socket: Duplex,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `Content-Type: ${type}`,
    `Content-Length: ${bytes.length}`,
    'Cache-Control: no-store',
    'X-Content-Type-Options: nosniff',
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
  ];
  const timer = setTimeout(() => socket.destroy(), CLOSE_MS);
  timer.unref();
  socket.on('error', () => socket.destroy());
  socket.once('close', () => clearTimeout(timer));
  socket.resume();
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
}
