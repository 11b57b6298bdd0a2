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
const CONNECT_MS = 2_000;

/** A witness is any server that accepts TCP connections. */
export class TcpWitness implements Witness {
  readonly address: string;
  readonly #host: string;
  readonly #port: number;
  readonly #clock: Clock;

  constructor({ host, port }: { readonly host: string; readonly port: number }, clock: Clock) {
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
      const socket = connect({ host: this.#host, port: this.#port, timeout: CONNECT_MS });
      const end = (isAccepted: boolean): void => {
        signal.removeEventListener('abort', onAbort);
        socket.destroy();
        resolve(isAccepted);
      };
      const onAbort = (): void => end(false);
      signal.addEventListener('abort', onAbort, { once: true });
      socket.once('connect', () => end(true));
      socket.once('timeout', () => end(false));
      socket.once('error', () => end(false));
    });
  }
}
