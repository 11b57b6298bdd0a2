import { ClusterError } from '../common/errors.ts';
import { type Lease, type LeaseOptions, type LeaseStore, leaseLost } from './lease.ts';
import { Wakeups } from './wakeups.ts';

interface Held {
  readonly holder: string;
  readonly lost: AbortController;
}

/** Leases of a store that one process owns: they end when they are released or with the process, and need no renewal. */
export class LocalLeases implements LeaseStore {
  readonly #held = new Map<string, Held>();
  readonly #changed = new Wakeups();
  #term: number;
  #isClosed = false;

  /** `term`: that of the last lease of an earlier life, at least; the time does, for it only grows. */
  constructor(term: number = Date.now()) {
    this.#term = term;
  }

  async acquire(name: string, holder: string, { signal }: LeaseOptions): Promise<Lease> {
    for (;;) {
      signal.throwIfAborted();
      if (this.#isClosed) throw closed();
      if (!this.#held.has(name)) return this.#take(name, holder);
      await this.#changed.next(signal);
    }
  }

  async *holders(name: string, signal: AbortSignal): AsyncGenerator<string | undefined, void, void> {
    let told: { readonly holder: string | undefined } | undefined;
    while (!signal.aborted && !this.#isClosed) {
      const holder = this.#held.get(name)?.holder;
      if (told === undefined || told.holder !== holder) {
        told = { holder };
        yield holder;
      } else {
        await this.#changed.next(signal);
      }
    }
  }

  /** Ends every lease and all waiting. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const [name, { lost }] of this.#held) lost.abort(leaseLost(name, 'the store was closed'));
    this.#held.clear();
    this.#changed.wake();
  }

  #take(name: string, holder: string): Lease {
    const held: Held = { holder, lost: new AbortController() };
    this.#held.set(name, held);
    this.#changed.wake();
    this.#term += 1;
    return {
      ...{ name, term: this.#term, lost: held.lost.signal },
      remainingMs: () => (held.lost.signal.aborted ? 0 : Number.POSITIVE_INFINITY),
      release: async () => {
        if (this.#held.get(name) !== held) return;
        this.#held.delete(name);
        held.lost.abort(leaseLost(name, 'it was released'));
        this.#changed.wake();
      },
    };
  }
}

function closed(): ClusterError {
  return new ClusterError('the store was closed', { code: 'STORE_CLOSED', status: 503 });
}
