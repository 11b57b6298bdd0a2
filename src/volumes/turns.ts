/** Runs actions on named things, those on one name one after the other. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Resolves when the actions on a name that have been asked for so far have ended. Never rejects. */
  async ended(name: string): Promise<void> {
    await this.#last.get(name);
  }

  /** Runs an action after those asked for earlier, however they end; settles as it does. */
  async run<T>(name: string, action: () => Promise<T>): Promise<T> {
    const before = this.#last.get(name) ?? Promise.resolve();
    const running = before.then(action);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(name, settled);
    try {
      return await running;
    } finally {
      if (this.#last.get(name) === settled) this.#last.delete(name);
    }
  }
}
