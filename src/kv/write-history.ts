import { ClusterError } from '../common/errors.ts';
import type { CommittedWrite, Revision } from './record-store.ts';
import { Wakeups } from './wakeups.ts';

/** Kept at most; a watch that needs older ones begins anew with a snapshot. */
const MOST_WRITES = 1_000;
const MOST_CHARACTERS = 256 * 1024;

interface Follower {
  hear(write: CommittedWrite): void;
  readonly end: () => void;
}

/** The latest writes of a store, for watches. A watch holds a position in it and no queue of its own, so that a slow one costs no memory. */
export class WriteHistory {
  /** Every write after this revision is here. */
  #floor: Revision;
  readonly #writes: CommittedWrite[] = [];
  #characters = 0;
  readonly #added = new Wakeups();
  readonly #followers = new Set<Follower>();
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
    for (const follower of this.#followers) follower.hear(write);
    this.#added.wake();
  }

  /** See `RecordStore.follow`. */
  async follow(after: Revision, listener: (write: CommittedWrite) => void, signal: AbortSignal): Promise<void> {
    if (!this.#knows(after)) throw revisionGone(after);
    for (const write of this.#writes.slice(after - this.#floor)) listener(write);
    if (this.#isClosed || signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#followers.delete(follower);
        signal.removeEventListener('abort', follower.end);
        settle();
      };
      const follower: Follower = {
        hear: (write) => {
          try {
            listener(write);
          } catch (error) {
            end(() => reject(error));
          }
        },
        end: () => end(resolve),
      };
      this.#followers.add(follower);
      signal.addEventListener('abort', follower.end);
    });
  }

  /** See `RecordStore.watch`. */
  async *watch(after: Revision, signal: AbortSignal): AsyncGenerator<CommittedWrite, void, void> {
    let seen = after;
    // One listener for the whole watch: one for each write would cost more than the rest of it.
    const wake = (): void => this.#added.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (!this.#knows(seen)) throw revisionGone(seen);
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
    for (const follower of this.#followers) follower.end();
    this.#added.wake();
  }

  /** Whether every write after a revision is here. */
  #knows(after: Revision): boolean {
    return after >= this.#floor && after <= this.revision;
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
