import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** The `end` listeners that a connection had before Node's HTTP server added its own. */
const before = new WeakMap<Duplex, readonly unknown[]>();

/**
 * Lets connections of this server {@link leaveHttp} later. `event` is the one whose listener makes HTTP of a connection:
 * `connection`, or `secureConnection` for TLS.
 */
export function rememberSockets(server: Server, event: 'connection' | 'secureConnection'): void {
  server.prependListener(event, (socket: Duplex) => before.set(socket, socket.listeners('end')));
}

/**
 * Takes a connection out of HTTP behind the request that is being answered, whose answer is never written. Node documents no
 * way to do it for a request that does not ask to upgrade, so that `checkNodeHttp` tries it out at start. The caller must listen for
 * `data` in the same turn, for the socket may be flowing.
 */
export function leaveHttp(socket: Duplex): void {
  // Another `data` listener makes Node's parser give the handle back. Not paused: a handle that is given back while
  // paused never reads again.
  socket.on('data', ignore);
  removeOthers(socket, 'data', [ignore]);
  removeOthers(socket, 'end', before.get(socket) ?? []);
  removeOthers(socket, 'drain', []);
  socket.off('data', ignore);
}

function ignore(): void {}

function removeOthers(socket: Duplex, event: string, kept: readonly unknown[]): void {
  for (const listener of socket.listeners(event)) {
    if (!kept.includes(listener)) socket.off(event, listener as () => void);
  }
}
