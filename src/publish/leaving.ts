import type { Clock } from '../common/clock.ts';
import type { Connections } from '../relay/connections.ts';

/** How long connections to a copy that is to be stopped may take to end: when it is moved, and when it is stopped, in milliseconds. */
const MOVED_DRAIN_MS = 10_000;
const STOPPED_DRAIN_MS = 2_000;

/** Copies of containers that are about to be stopped, by the engine's ID: nothing new is led to them, and what is open has a while to end. */
export class Leaving {
  readonly #connections: Connections;
  readonly #clock: Clock;
  /** With how many want that. */
  readonly #copies = new Map<string, number>();

  constructor(connections: Connections, clock: Clock) {
    this.#connections = connections;
    this.#clock = clock;
  }

  has(copyId: string): boolean {
    return this.#copies.has(copyId);
  }

  /**
   * A copy leaves from now on, until {@link resume}. Resolves when its connections have ended, or after a while; at once for one that is not moved when
   * no other one takes its connections.
   */
  async drain(copyId: string, why: 'moved' | 'stopped', hasOther: () => boolean): Promise<void> {
    this.#copies.set(copyId, (this.#copies.get(copyId) ?? 0) + 1);
    if (!this.#connections.leadsTo(copyId)) return;
    if (why === 'stopped' && !hasOther()) return;
    const end = new AbortController();
    const limit = this.#clock.sleep(why === 'moved' ? MOVED_DRAIN_MS : STOPPED_DRAIN_MS, end.signal);
    await Promise.race([this.#connections.ended(copyId), limit.catch(() => undefined)]);
    end.abort();
  }

  /** Once for each {@link drain}. */
  resume(copyId: string): void {
    const left = (this.#copies.get(copyId) ?? 1) - 1;
    if (left > 0) this.#copies.set(copyId, left);
    else this.#copies.delete(copyId);
  }
}
