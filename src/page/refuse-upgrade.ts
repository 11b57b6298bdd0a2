import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ClusterError, clipped } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { PageError } from './protocol.ts';

/** Answers a request to leave HTTP that is not let in, as any other call is answered. */
export function refuseUpgrade(socket: Duplex, error: unknown, logger: Logger): void {
  if (!(error instanceof ClusterError)) logger.error({ err: error }, 'a request of a page to leave HTTP failed');
  const { status, code, message } =
    error instanceof ClusterError ? error : { status: 500, code: 'INTERNAL', message: 'it failed: see the log' };
  const body: PageError = { message: clipped(message), code };
  const bytes = Buffer.from(JSON.stringify(body));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json',
    `Content-Length: ${bytes.length}`,
    'Cache-Control: no-store',
    'Connection: close',
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]));
}
