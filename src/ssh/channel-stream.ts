import { Duplex } from 'node:stream';
import type { ClientChannel } from 'ssh2';
import { SshError } from './errors.ts';

/** Enough of a remote command's complaint for one message. */
const MAX_STDERR_BYTES = 2048;

/**
 * An SSH channel as an ordinary half-open duplex stream. The library's own channels never emit `close` when destroyed and
 * drop the callbacks of writes after the other side closed; HTTP clients rely on both.
 */
export class ChannelStream extends Duplex {
  readonly #channel: ClientChannel;
  readonly #what: string;
  #stderr = '';
  #exit: number | string | undefined;
  #hasData = false;
  #isClosed = false;

  /** @param what what the channel is, for messages: ``command `docker …` `` or a socket path */
  constructor(channel: ClientChannel, what: string) {
    // Closed when the channel is, not when both sides ended: the exit code of a command comes in between.
    super({ allowHalfOpen: true, autoDestroy: false });
    this.#channel = channel;
    this.#what = what;
    channel.on('data', (bytes: Buffer) => {
      this.#hasData = true;
      if (!this.destroyed && !this.push(bytes)) channel.pause();
    });
    channel.on('end', () => this.#onEnd());
    channel.on('close', () => this.#onClose());
    channel.on('error', (error: Error) => this.destroy(error));
    channel.on('exit', (code: number | null, signal?: string) => {
      this.#exit = code ?? signal;
    });
    channel.stderr.on('data', (bytes: Buffer) => {
      if (this.#stderr.length < MAX_STDERR_BYTES) this.#stderr += bytes.toString();
    });
    channel.stderr.on('error', () => undefined); // Told on the channel itself.
  }

  /** What the command wrote to its standard error, its start. */
  get stderrText(): string {
    return this.#stderr.trim();
  }

  /** The command's exit code, or the signal that ended it; undefined while it runs and for sockets. */
  get exit(): number | string | undefined {
    return this.#exit;
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    if (this.#isClosed) callback(new SshError(`${this.#what}: closed by the other side`, 'SSH_CHANNEL'));
    else this.#channel.write(chunk, callback);
  }

  override _final(callback: () => void): void {
    this.#channel.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#channel.destroy();
    // What is still on its way must be taken off the connection, or the channel is never closed.
    this.#channel.resume();
    callback(error);
  }

  // What HTTP clients call on a TCP socket and what means nothing here.

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #onEnd(): void {
    if (this.destroyed) return;
    // A command that ended without a word may have failed: its exit code comes with the close.
    if (this.#hasData || this.#channel.type !== 'session') this.push(null);
  }

  #onClose(): void {
    this.#isClosed = true;
    if (this.destroyed) return;
    if (!this.#hasData && this.#exit !== undefined && this.#exit !== 0) {
      const why = this.stderrText.split('\n').at(-1) || `exit ${this.#exit}`;
      this.destroy(new SshError(`${this.#what}: ${why}`, 'SSH_CHANNEL'));
      return;
    }
    if (this.readableEnded) this.destroy();
    else {
      this.once('end', () => this.destroy());
      if (!this.#hasData && this.#channel.type === 'session') this.push(null);
    }
  }
}
