import type { Node } from '../cluster/node.ts';

/** The right to copy from one source; give it back once. */
export interface CopySlot {
  readonly source: Node;
  release(): void;
}

/**
 * Bounds copies per source and in all. Every copy that ends makes a new source, so many nodes that want one image
 * get it in generations instead of queueing at the first holder.
 */
export class CopySlots {
  readonly #perSource: number;
  readonly #total: number;
  readonly #active = new Map<Node, number>();
  #count = 0;
  readonly #waiting = new Set<() => void>();

  constructor(perSource: number, total: number) {
    this.#perSource = perSource;
    this.#total = total;
  }

  /**
   * Waits for the least busy of the sources that exist by then; undefined when there is none. Rejects with the signal's
   * reason when aborted.
   */
  async take(sources: () => readonly Node[], signal: AbortSignal): Promise<CopySlot | undefined> {
    for (;;) {
      signal.throwIfAborted();
      const candidates = sources();
      if (candidates.length === 0) return undefined;
      const source = this.#count < this.#total ? this.#leastBusy(candidates) : undefined;
      if (source) return this.#occupy(source);
      await this.#nextRelease(signal);
    }
  }

  #leastBusy(candidates: readonly Node[]): Node | undefined {
    let best: Node | undefined;
    let least = this.#perSource;
    for (const node of candidates) {
      const load = this.#active.get(node) ?? 0;
      if (load < least) [best, least] = [node, load];
    }
    return best;
  }

  #occupy(source: Node): CopySlot {
    this.#count += 1;
    this.#active.set(source, (this.#active.get(source) ?? 0) + 1);
    let isTaken = true;
    const release = (): void => {
      if (!isTaken) return;
      isTaken = false;
      this.#count -= 1;
      const left = (this.#active.get(source) ?? 1) - 1;
      if (left > 0) this.#active.set(source, left);
      else this.#active.delete(source);
      for (const wake of this.#waiting) wake();
    };
    return { source, release };
  }

  #nextRelease(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}
