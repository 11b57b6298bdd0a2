/** Why containers of lost nodes do not run, by the keys of their records. */
export class WaitBoard {
  readonly #waiting = new Map<string, string>();
  readonly #staying = new Map<string, string>();
  readonly #onChange: (key: string, text: string | undefined) => void;

  /** @param onChange told of every change in words (`waits: …`, `stays: …`), `undefined` when it does neither any longer */
  constructor(onChange: (key: string, text: string | undefined) => void) {
    this.#onChange = onChange;
  }

  /** Why it waits. */
  get(key: string): string | undefined {
    return this.#waiting.get(key);
  }

  /** Those that wait. */
  entries(): IterableIterator<[key: string, why: string]> {
    return this.#waiting.entries();
  }

  /** It is to be brought back, and cannot be now. Returns whether this is news. */
  set(key: string, why: string): boolean {
    if (this.#waiting.get(key) === why) return false;
    this.#staying.delete(key);
    this.#waiting.set(key, why);
    this.#onChange(key, `waits: ${why}`);
    return true;
  }

  /** It is not to be brought back, as its client wanted. */
  stay(key: string, why: string): void {
    if (this.#staying.get(key) === why) return;
    this.#waiting.delete(key);
    this.#staying.set(key, why);
    this.#onChange(key, `stays: ${why}`);
  }

  delete(key: string): void {
    const [waited, stayed] = [this.#waiting.delete(key), this.#staying.delete(key)];
    if (waited || stayed) this.#onChange(key, undefined);
  }
}
