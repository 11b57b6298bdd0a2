/** Wakes all that wait for something to change. */
export class Wakeups {
  readonly #waiting = new Set<() => void>();

  /** Resolves at the next {@link wake}, or when the signal is aborted. */
  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}
