import { type IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { BadRequestError, ClusterError } from '../common/errors.ts';
import { BodyTooLargeError } from './body.ts';
import type { UpgradeRequest } from './call.ts';
import { lingeringEnd } from './refusal.ts';

/** Largest body of an upgrade request in bytes: exec options, a few hundred in practice. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * An answer to a request that asked to upgrade but gets an ordinary answer (an error, or a route that ignores `Upgrade`,
 * as HTTP allows). Node leaves such sockets without a response object, so we give it one; the connection ends with it.
 */
export function responseFor(req: IncomingMessage, socket: Duplex): ServerResponse {
  const res = new ServerResponse(req);
  res.shouldKeepAlive = false;
  const onDrain = (): boolean => res.emit('drain');
  res.assignSocket(socket as never);
  socket.on('drain', onDrain);
  res.once('finish', () => {
    socket.off('drain', onDrain);
    res.detachSocket(socket as never);
    lingeringEnd(socket);
  });
  return res;
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

/** Takes the request's own body (exec options come with the upgrade) off the socket; it is left paused behind it. */
export async function readUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<UpgradeRequest> {
  const protocol = req.headers.upgrade ?? '';
  if (req.headers['transfer-encoding'] !== undefined) {
    const message = 'an upgrade request with a body needs a Content-Length';
    throw new ClusterError(message, { code: 'LENGTH_REQUIRED', status: 411 });
  }
  const length = Number(req.headers['content-length'] ?? 0);
  if (length > MAX_BODY_BYTES) throw new BodyTooLargeError(MAX_BODY_BYTES);
  const bytes = head.length >= length ? head : await readAtLeast(socket, head, length);
  return { protocol, socket, body: bytes.subarray(0, length), head: bytes.subarray(length) };
}

function readAtLeast(socket: Duplex, head: Buffer, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let received = head;
    const finish = (action: () => void): void => {
      socket.off('data', onData).off('end', onEnd).off('close', onEnd);
      socket.pause();
      action();
    };
    const onData = (chunk: Buffer): void => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= length) finish(() => resolve(received));
    };
    const onEnd = (): void => finish(() => reject(new BadRequestError('the request body ended early', 'BODY_CUT')));
    socket.on('data', onData).on('end', onEnd).on('close', onEnd);
  });
}
