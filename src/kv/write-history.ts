import { ClusterError } from '../common/errors.ts';
import type { CommittedWrite, Revision } from './record-store.ts';
import { Wakeups } from './wakeups.ts';

/** Kept at most; a watch that needs older ones begins anew with a snapshot. */
const MOST_WRITES = 1_000;
const MOST_CHARACTERS = 256 * 1024;

/** The latest writes of a store, for watches. A watch holds a position in it and no queue of its own, so that a slow one costs no memory. */
export class WriteHistory {
  /** Every write after this revision is here. */
  #floor: Revision;
  readonly #writes: CommittedWrite[] = [];
  #characters = 0;
  readonly #added = new Wakeups();
  #isClosed = false;

  constructor(revision: Revision) {
    this.#floor = revision;
  }

  /** The revision of the last write. */
  get revision(): Revision {
    return this.#floor + this.#writes.length;
  }

  /** Adds the next write, which has the next revision. */
  add(write: CommittedWrite): void {
    this.#writes.push(write);
    this.#characters += sizeOf(write);
    // The last one stays whatever its size: watches that kept up must see it.
    while (this.#writes.length > 1 && (this.#writes.length > MOST_WRITES || this.#characters > MOST_CHARACTERS))
      this.#dropOldest();
    this.#added.wake();
  }

  /** See `RecordStore.watch`. */
  async *watch(after: Revision, signal: AbortSignal): AsyncGenerator<CommittedWrite, void, void> {
    let seen = after;
    // One listener for the whole watch: one for each write would cost more than the rest of it.
    const wake = (): void => this.#added.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (seen < this.#floor || seen > this.revision) throw revisionGone(seen);
        const write = this.#writes[seen - this.#floor];
        if (write) {
          seen = write.revision;
          yield write;
        } else if (this.#isClosed) {
          return;
        } else {
          await this.#added.next();
        }
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** Ends every watch once it has told the last write. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#added.wake();
  }

  #dropOldest(): void {
    const oldest = this.#writes.shift();
    if (!oldest) return;
    this.#floor = oldest.revision;
    this.#characters -= sizeOf(oldest);
  }
}

function sizeOf({ changes }: CommittedWrite): number {
  return changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
}

/** What a watch from a revision ends with whose writes are forgotten. */
export function revisionGone(revision: Revision): ClusterError {
  return new ClusterError(`the writes after revision ${revision} are not known any more: take a new snapshot`, {
    code: 'REVISION_GONE',
    status: 500,
  });
}
