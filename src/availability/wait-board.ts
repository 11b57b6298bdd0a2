/** Why containers that should run do not, by the keys of their records. */
export class WaitBoard {
  readonly #reasons = new Map<string, string>();
  readonly #onChange: (key: string, why: string | undefined) => void;

  /** @param onChange told of every change, `undefined` when it waits no longer */
  constructor(onChange: (key: string, why: string | undefined) => void) {
    this.#onChange = onChange;
  }

  get(key: string): string | undefined {
    return this.#reasons.get(key);
  }

  entries(): IterableIterator<[key: string, why: string]> {
    return this.#reasons.entries();
  }

  /** Returns whether this is news. */
  set(key: string, why: string): boolean {
    if (this.#reasons.get(key) === why) return false;
    this.#reasons.set(key, why);
    this.#onChange(key, why);
    return true;
  }

  delete(key: string): void {
    if (this.#reasons.delete(key)) this.#onChange(key, undefined);
  }
}
