/** Sweeps come every so many milliseconds. */
const SWEEP_MS = 10_000;
/** Sweeps that a connection may be idle: it is closed after 60 to 70 s. */
const PATIENCE = 7;

/** A connection that may be closed when it was idle for long. */
export interface Sweepable {
  /** {@link IdleSweep.now} when it fell idle; undefined while it is in use. */
  readonly idleSince: number | undefined;
  closeIdle(): void;
}

/** Closes what is idle for a minute, with one timer for thousands of connections: falling idle costs them a number. */
export class IdleSweep {
  readonly #connections = new Set<Sweepable>();
  #timer: NodeJS.Timeout | undefined;
  #now = 0;

  /** The time, in sweeps. */
  get now(): number {
    return this.#now;
  }

  add(connection: Sweepable): void {
    this.#connections.add(connection);
    this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  remove(connection: Sweepable): void {
    this.#connections.delete(connection);
    if (this.#connections.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #sweep(): void {
    this.#now += 1;
    for (const connection of this.#connections) {
      const { idleSince } = connection;
      if (idleSince !== undefined && this.#now - idleSince >= PATIENCE) connection.closeIdle();
    }
  }
}
