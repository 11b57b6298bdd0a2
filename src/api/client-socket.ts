import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Call } from './call.ts';
import { CallEndedError } from './errors.ts';

/**
 * The client's socket when it is this call's turn to write on it, for answers whose bytes we write ourselves. Node goes
 * on reading from it; the connection must end with the answer.
 */
export async function socketForAnswer(call: Call): Promise<Duplex> {
  // A pipelined request gets its socket when the answers before it are complete.
  if (!call.res.socket && !call.res.destroyed) await once(call.res, 'socket', { signal: call.signal });
  const { socket } = call.res;
  if (!socket || socket.destroyed) throw new CallEndedError('client left');
  return socket;
}

/** Listeners of Node's HTTP parser that stand between a taken socket and its bytes. */
const PARSER_EVENTS = ['data', 'end', 'drain'] as const;

/**
 * Takes the client's socket out of HTTP for a raw stream in both directions, positioned behind the request. Only when the
 * whole body was read; the caller must listen for `data` at once, for it may be flowing.
 */
export async function takeSocket(call: Call): Promise<Duplex> {
  const socket = await socketForAnswer(call);
  call.res.detachSocket(call.req.socket);
  if (call.upgrade) {
    socket.removeAllListeners('drain');
    return socket;
  }
  // Without an Upgrade header (clients of API < 1.20 and some scripts) Node's parser still reads the socket. A first
  // `data` listener makes it give the handle back; then its own listeners are removed, not those of net and tls.
  // Not paused: a handle that is given back while paused never reads again.
  socket.on('data', ignore);
  for (const event of PARSER_EVENTS) {
    for (const listener of socket.listeners(event)) {
      if (isParserListener(listener)) socket.off(event, listener as () => void);
    }
  }
  socket.off('data', ignore);
  return socket;
}

function ignore(): void {}

/** Node's HTTP server adds bound functions (`socketOnData`, `socketOnEnd`, …); net and tls add others. */
function isParserListener(listener: unknown): boolean {
  return typeof listener === 'function' && listener.name.startsWith('bound socketOn');
}
