import { type AnyAuthMethod, Client, type ClientChannel, type ServerHostKeyAlgorithm } from 'ssh2';
import { reasonOf } from '../common/errors.ts';
import { ChannelStream } from './channel-stream.ts';
import { SshError } from './errors.ts';
import type { SshTarget } from './target.ts';

/** Time for TCP, key exchange and login, in milliseconds. */
const READY_TIMEOUT_MS = 15_000;
/** A silent connection is asked for a sign of life; it counts as lost after some 8 s without any. */
const KEEPALIVE_INTERVAL_MS = 2_500;
const KEEPALIVE_COUNT = 2;

const HOST_KEY_ALGORITHMS: readonly ServerHostKeyAlgorithm[] = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
];

/** A command over there with its three streams; `setWindow` tells a terminal its size. Emits `exit`, then `close`. */
export type ClientTerminal = ClientChannel;

/** One SSH connection that carries any number of channels. */
export class SshConnection {
  readonly #client: Client;
  readonly #name: string;
  readonly #streams = new Set<ChannelStream>();
  #opening = 0;
  #lostBecause: Error | undefined;

  private constructor(client: Client, name: string) {
    this.#client = client;
    this.#name = name;
    client.on('error', (error) => this.#lose(error));
    client.on('close', () => this.#lose(new Error('the connection was closed')));
  }

  /** Connects and logs in. Rejects with an {@link SshError} of one line that says what to do. */
  static open(target: SshTarget, signal?: AbortSignal): Promise<SshConnection> {
    const client = new Client();
    const name = `${target.user}@${target.host}:${target.port}`;
    return new Promise((resolve, reject) => {
      let hostKeyError: SshError | undefined;
      const settle = (): void => {
        client.off('error', onError).off('close', onClose).off('ready', onReady);
        signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown): void => {
        settle();
        client.on('error', () => undefined); // The connection is given up; what follows is of no interest.
        client.destroy();
        reject(error);
      };
      const onError = (error: Error & { level?: string }): void => {
        // An agent that does not answer only means that the next method is tried.
        if (error.level !== 'agent') fail(hostKeyError ?? explain(error, target, name));
      };
      const onClose = (): void => fail(hostKeyError ?? explain(new Error('closed during login'), target, name));
      const onAbort = (): void => fail(signal?.reason);
      const onReady = (): void => {
        settle();
        resolve(new SshConnection(client, name));
      };
      client.on('error', onError).on('close', onClose).on('ready', onReady);
      if (signal?.aborted) return onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
      const verify = (key: Buffer): boolean => {
        hostKeyError = target.checkHostKey(key);
        return hostKeyError === undefined;
      };
      client.connect({
        host: target.host,
        port: target.port,
        username: target.user,
        authHandler: authMethods(target),
        hostVerifier: verify,
        algorithms: { serverHostKey: hostKeyAlgorithms(target.hostKeyTypes) },
        readyTimeout: READY_TIMEOUT_MS,
        keepaliveInterval: KEEPALIVE_INTERVAL_MS,
        keepaliveCountMax: KEEPALIVE_COUNT,
      });
      client.setNoDelay(true);
    });
  }

  /** False once the connection was closed or lost. */
  get isOpen(): boolean {
    return this.#lostBecause === undefined;
  }

  /** How many channels are open or being opened. */
  get channels(): number {
    return this.#streams.size + this.#opening;
  }

  /** Runs a command; its standard input and output are the stream. */
  exec(command: string): Promise<ChannelStream> {
    return this.#channel(`\`${command}\` on ${this.#name}`, (done) => this.#client.exec(command, done));
  }

  /** Runs a command, or the login shell when there is none; in a terminal of that size, if one is given. */
  async terminal(
    command: string | undefined,
    size: { readonly columns: number; readonly rows: number } | undefined,
  ): Promise<ClientTerminal> {
    const pty = size === undefined ? false : { cols: size.columns, rows: size.rows, term: process.env.TERM || 'xterm' };
    return await new Promise((resolve, reject) => {
      const done = (error: Error | undefined, channel: ClientChannel): void => {
        if (error)
          reject(new SshError(`${this.#name}: ${reasonOf(error).replace('(SSH) ', '')}`, 'SSH_CHANNEL', error));
        else resolve(channel);
      };
      if (command === undefined) this.#client.shell(pty, done);
      else this.#client.exec(command, { ...(pty === false ? {} : { pty }) }, done);
    });
  }

  /** Connects to a unix socket of the host. sshd does not count these against its MaxSessions. */
  connectUnix(path: string): Promise<ChannelStream> {
    return this.#channel(`${path} on ${this.#name}`, (done) => this.#client.openssh_forwardOutStreamLocal(path, done));
  }

  /** Destroys the channels and the connection. Idempotent. */
  async close(): Promise<void> {
    this.#lose(new Error('it was closed'));
  }

  #channel(
    what: string,
    open: (done: (error: Error | undefined, channel: ClientChannel) => void) => void,
  ): Promise<ChannelStream> {
    this.#opening += 1;
    const opened = new Promise<ChannelStream>((resolve, reject) => {
      const fail = (error: unknown): void => {
        const code = this.isOpen ? 'SSH_CHANNEL' : 'SSH_UNREACHABLE';
        reject(new SshError(`${what}: ${reasonOf(error).replace('(SSH) ', '')}`, code, error));
      };
      if (this.#lostBecause) return fail(this.#lostBecause);
      try {
        open((error, channel) => {
          if (error) fail(error);
          else resolve(this.#adopt(new ChannelStream(channel, what)));
        });
      } catch (error) {
        fail(error); // The library throws when its socket is gone already.
      }
    });
    return opened.finally(() => {
      this.#opening -= 1;
    });
  }

  #adopt(stream: ChannelStream): ChannelStream {
    this.#streams.add(stream);
    stream.once('close', () => this.#streams.delete(stream));
    return stream;
  }

  #lose(reason: Error): void {
    if (this.#lostBecause) return;
    this.#lostBecause = reason;
    const error = new SshError(`SSH connection to ${this.#name} was lost: ${reasonOf(reason)}`);
    for (const stream of this.#streams) {
      if (stream.listenerCount('error') === 0) stream.on('error', () => undefined); // The opener has not attached a listener yet.
      stream.destroy(error);
    }
    this.#client.destroy();
  }
}

function authMethods({ user, keys, agent }: SshTarget): AnyAuthMethod[] {
  const byKey = keys.map((key): AnyAuthMethod => ({ type: 'publickey', username: user, key }));
  return agent === undefined ? byKey : [{ type: 'agent', username: user, agent }, ...byKey];
}

/** The host is asked for the kinds of key that are known first: another kind could not be checked. */
function hostKeyAlgorithms(known: readonly string[]): ServerHostKeyAlgorithm[] {
  const isKnown = (algorithm: string): boolean =>
    known.includes(algorithm.startsWith('rsa-sha2-') ? 'ssh-rsa' : algorithm);
  return [...HOST_KEY_ALGORITHMS].sort((a, b) => Number(isKnown(b)) - Number(isKnown(a)));
}

function explain(error: Error & { level?: string }, target: SshTarget, name: string): SshError {
  if (error.level === 'client-authentication') return refused(target, name, error);
  return new SshError(`SSH to ${name}: ${reasonOf(error)}`, 'SSH_UNREACHABLE', error);
}

function refused(target: SshTarget, name: string, cause: Error): SshError {
  const tried = [
    ...(target.agent === undefined ? [] : ['the agent']),
    ...(target.keys.length === 0 ? [] : [`${target.keys.length} key${target.keys.length === 1 ? '' : 's'}`]),
  ];
  const what = tried.length === 0 ? 'there is no key and no agent to log in with' : `${tried.join(' and ')} refused`;
  const remarks = target.remarks.map((remark) => `; ${remark}`).join('');
  return new SshError(
    `SSH to ${name}: ${what}${remarks}. Log in once by hand: ssh -p ${target.port} ${target.user}@${target.host}`,
    'SSH_AUTH',
    cause,
  );
}
