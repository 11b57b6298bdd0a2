import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Clock } from '../../common/clock.ts';
import { DriverError } from '../errors.ts';

const ANSWER_WITHIN_MS = 5_000;
/** Of `struct sockaddr_un` on the systems in use, with the zero at the end. */
const MAX_SOCKET_PATH = 103;

/**
 * Sends one command to the QEMU that listens at `socket` and answers its result; undefined when no QEMU listens there. Rejects with
 * `QMP` when it refuses or does not answer.
 */
export async function qmp(socket: string, command: string, clock: Clock, signal: AbortSignal): Promise<unknown> {
  if (Buffer.byteLength(socket) <= MAX_SOCKET_PATH) return await exchange(socket, command, clock, signal);
  // Longer ones are reached through a shorter way to the same folder.
  const folder = await mkdtemp(join(tmpdir(), 'enxame-'));
  const link = join(folder, 'd');
  try {
    await symlink(dirname(socket), link);
    return await exchange(join(link, basename(socket)), command, clock, signal);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Message {
  readonly QMP?: unknown;
  readonly return?: unknown;
  readonly error?: { readonly desc: string };
}

function exchange(path: string, command: string, clock: Clock, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect(path);
    let rest = '';
    const waiting = ['qmp_capabilities', command];
    const finish = (action: () => void): void => {
      timer.stop();
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      action();
    };
    const fail = (why: string): void =>
      finish(() => reject(new DriverError(`QEMU, asked to ${command}: ${why}`, 'QMP')));
    const onAbort = (): void => finish(() => reject(signal.reason));
    const timer = clock.timer(() => fail('no answer'));
    timer.start(ANSWER_WITHIN_MS);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') finish(() => resolve(undefined));
      else fail(error.message);
    });
    // After `quit` it may close without an answer: that is one.
    socket.once('close', () => finish(() => resolve({})));
    const next = (): void => void socket.write(`${JSON.stringify({ execute: waiting[0] })}\n`);
    const take = (line: string): void => {
      const message = JSON.parse(line) as Message;
      if (message.QMP !== undefined) next();
      else if (message.error !== undefined) fail(message.error.desc);
      else if (message.return !== undefined) {
        waiting.shift();
        if (waiting.length === 0) finish(() => resolve(message.return));
        else next();
      }
    };
    socket.on('data', (bytes: Buffer) => {
      const lines = (rest + bytes.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') take(line);
    });
  });
}
