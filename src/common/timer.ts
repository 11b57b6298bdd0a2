/** Runs an action once, some time after it was started; starting it anew replaces the time before. */
export interface Timer {
  /** Runs the action in `ms` milliseconds at the earliest. */
  start(ms: number): void;
  /** The action is not run any more, until the next start. May be called at any time. */
  stop(): void;
}

/** A {@link Timer} of the system's own, which does not keep the process alive. */
export class SystemTimer implements Timer {
  readonly #action: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(action: () => void) {
    this.#action = action;
  }

  start(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#action, ms);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
