import { connect } from 'node:net';
import type { Clock } from '../common/clock.ts';

/** A place outside of the cluster: a manager that reaches it is not the one which is cut off. */
export interface Witness {
  /** `host:port`, for people. */
  readonly address: string;
  /** Whether it answers, several times in a row. Never rejects. */
  answers(signal: AbortSignal): Promise<boolean>;
}

const TIMES = 3;
const PAUSE_MS = 300;
/** How long one connection may take: a lost packet or two are sent again within three seconds. */
const CONNECT_MS = 5_000;

/** A witness is any server that accepts TCP connections. */
export class TcpWitness implements Witness {
  readonly address: string;
  readonly #host: string;
  readonly #port: number;
  readonly #clock: Clock;
  readonly #connectMs: number;

  constructor(
    { host, port }: { readonly host: string; readonly port: number },
    clock: Clock,
    connectMs: number = CONNECT_MS,
  ) {
    this.#connectMs = connectMs;
    this.address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    this.#host = host;
    this.#port = port;
    this.#clock = clock;
  }

  async answers(signal: AbortSignal): Promise<boolean> {
    for (let tried = 1; ; tried++) {
      if (!(await this.#accepts(signal))) return false;
      if (tried === TIMES) return true;
      await this.#clock.sleep(PAUSE_MS, signal).catch(() => undefined); // The next connect ends at once.
    }
  }

  #accepts(signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(false);
      const socket = connect({ host: this.#host, port: this.#port, timeout: this.#connectMs });
      const end = (isAccepted: boolean): void => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(isAccepted);
      };
      const onAbort = (): void => end(false);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('connect', () => end(true));
      // In a process that had no time to run the limit may be over before it hears of a connection that is long there.
      socket.once('timeout', () => setImmediate(() => setImmediate(() => end(false))));
      socket.once('error', () => end(false));
    });
  }
}
