import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UpgradeBodies } from './node-http.ts';
import { ParsedInput, type RequestInput, StreamInput } from './request-input.ts';
import { UpgradedConnection } from './upgraded-connection.ts';

/**
 * The connection on which a request to upgrade is answered; `mayHijack` says whether it can become a raw stream. Arguments as of
 * Node's `upgrade` event.
 */
export function upgradedConnection(
  req: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  mayHijack: boolean,
  bodies: UpgradeBodies,
): UpgradedConnection {
  if (!mayHijack) return new UpgradedConnection(req, stream, head);
  const input: RequestInput =
    bodies === 'request' ? new ParsedInput(req, { stream, head }) : new StreamInput(req, stream, head);
  return new UpgradedConnection(req, stream, head, { protocol: req.headers.upgrade ?? '', input });
}

/**
 * Resolves when the answer to the request before, on the same connection, is sent or the connection is gone. A client may
 * ask to upgrade as soon as it has read that answer, which can be before we learn that it was sent. From the upgrade on
 * Node no longer looks after the socket, so that answer is told here when it may go on writing.
 */
export function afterEarlier(socket: Duplex, earlier: ServerResponse | undefined): Promise<void> {
  // All bytes may be out (`writableFinished`) while Node has not taken the socket away from it yet.
  const isOver = !earlier || earlier.destroyed || (earlier.writableFinished && !earlier.socket);
  if (isOver || socket.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const onDrain = (): boolean => earlier.emit('drain');
    const done = (): void => {
      socket.off('drain', onDrain).off('close', done);
      earlier.off('finish', done).off('close', done);
      resolve();
    };
    socket.on('drain', onDrain).once('close', done);
    earlier.once('finish', done).once('close', done);
  });
}
