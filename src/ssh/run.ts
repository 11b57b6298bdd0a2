import { StringDecoder } from 'node:string_decoder';
import type { SshConnection } from './connection.ts';
import { SshError } from './errors.ts';

/** How to run one remote command. */
export interface SshRunOptions {
  /** Its whole standard input; default nothing. */
  readonly input?: string | Uint8Array | undefined;
  /** Told of its standard output as it comes. */
  readonly onOutput?: ((text: string) => void) | undefined;
  /** Ends the wait; the command itself may go on over there. */
  readonly signal: AbortSignal;
}

/** How a remote command ended. */
export interface SshRunResult {
  /** Its exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  /** Its standard output; only the end of it when there is more than {@link MAX_OUTPUT_CHARS}. */
  readonly output: string;
}

/** Of a command that talks without end only the last part is kept. */
export const MAX_OUTPUT_CHARS: number = 4 * 1024 * 1024;

/**
 * Runs a command over an open connection, on a channel of its own, to its end. Rejects with an {@link SshError} when the connection
 * or channel is lost before the command has ended, and with the signal's reason when aborted.
 */
export async function runOverSsh(
  connection: SshConnection,
  command: string,
  { input, onOutput, signal }: SshRunOptions,
): Promise<SshRunResult> {
  signal.throwIfAborted();
  const stream = await abortable(connection.exec(command), signal, (late) => late.destroy());
  return await new Promise((resolve, reject) => {
    const decoder = new StringDecoder('utf8');
    let output = '';
    let lost: Error | undefined;
    const onAbort = (): void => {
      stream.destroy(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    stream.on('data', (bytes: Buffer) => {
      const text = decoder.write(bytes);
      output = (output + text).slice(-MAX_OUTPUT_CHARS);
      onOutput?.(text);
    });
    stream.on('error', (error) => {
      lost = error;
    });
    stream.on('close', () => {
      signal.removeEventListener('abort', onAbort);
      if (signal.aborted) reject(signal.reason);
      else if (stream.exit !== undefined) resolve({ exit: stream.exit, output });
      else reject(lost ?? new SshError('the SSH channel was closed before the command had ended', 'SSH_CHANNEL'));
    });
    stream.end(input);
  });
}

/** The value, unless the signal comes first; what comes too late goes to `drop`. */
function abortable<T>(value: Promise<T>, signal: AbortSignal, drop: (late: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason);
      value.then(drop, () => undefined);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    value.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
