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
