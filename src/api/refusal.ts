import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HeaderPairs } from './answer.ts';
import { TransferCodingError } from './transfer-coding.ts';

/** How long a refused client may go on sending before it is cut, in milliseconds. */
const LINGER_MS = 1_000;

/** Answers what is not a request (broken HTTP, a head too large, a head that never ends, another transfer coding) and closes the connection. */
export function refuse(error: Error & { code?: string }, socket: Duplex, headers: HeaderPairs): void {
  // Refused already: what still comes is thrown away until the client stops or the linger is over.
  if (socket.writableEnded && !socket.destroyed) return;
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] =
    error instanceof TransferCodingError ? [error.status, error.message] : reasonFor(error.code);
  const body = `${JSON.stringify({ message })}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  lingeringEnd(socket, `${lines.join('\r\n')}\r\n\r\n${body}`);
}

function reasonFor(code: string | undefined): [status: number, message: string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'the request head is too large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'the request head did not come in time'];
  return [400, 'the request is not valid HTTP/1.1'];
}

/**
 * Ends our side and, when all is written, lets the other side stop sending by itself for a moment. Closing while data still
 * comes would reset the connection, and a reset can take the answer away from the client that has not read it yet.
 */
export function lingeringEnd(socket: Duplex, last: string | Buffer = '', lingerMs: number = LINGER_MS): void {
  socket.end(last, () => {
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  });
  socket.resume();
}
