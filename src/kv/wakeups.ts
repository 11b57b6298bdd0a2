/** Wakes all that wait for something to change. */
export class Wakeups {
  #waiting = new Set<() => void>();

  /** Resolves at the next {@link wake}, or when the signal is aborted. Without a signal it costs a fraction. */
  next(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      if (!signal) return void this.#waiting.add(resolve);
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
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}
