import { sharedStop } from '../../common/abort.ts';
import type { Clock } from '../../common/clock.ts';
import { reasonOf } from '../../common/errors.ts';
import { type Lease, leaseLost } from '../lease.ts';
import type { KeyCondition, KeySession } from './keyspace.ts';

/** Renewals in the time that a lease lives without one. */
const RENEWALS = 4;
/** The part of that time which is left to clocks that run differently. */
const MARGIN = 0.1;
/** Between two looks at the clock: a holder that was suspended learns so late of its loss at most. */
const LOOK_EVERY_MS = 100;

export interface SharedLeaseDeps {
  readonly clock: Clock;
  /** Milliseconds of the machine's time, suspension included. */
  readonly uptimeMs: () => number;
}

/** A lease over a session of the store, which it keeps alive. */
export class SharedLease implements Lease {
  readonly name: string;
  readonly term: number;
  readonly #deps: SharedLeaseDeps;
  readonly #session: KeySession;
  readonly #lost = sharedStop();
  /** By the machine's time. */
  #standsUntil: number;
  #setback: unknown;
  #ended: Promise<void> | undefined;

  /** `since`: the machine's time before the session was asked for. */
  constructor(
    deps: SharedLeaseDeps,
    { name, term, session, since }: { name: string; term: number; session: KeySession; since: number },
  ) {
    this.#deps = deps;
    this.name = name;
    this.term = term;
    this.#session = session;
    this.#standsUntil = this.#endOf(since);
    void this.#renew();
    void this.#look();
  }

  /** What holds in the store as long as the lease does. */
  get fence(): KeyCondition {
    return { key: this.#session.key, version: this.#session.version };
  }

  get lost(): AbortSignal {
    const { signal } = this.#lost;
    if (!signal.aborted && this.#leftMs() <= 0) this.#lose(this.#whyNotRenewed());
    return signal;
  }

  remainingMs(): number {
    return this.lost.aborted ? 0 : this.#leftMs();
  }

  async release(): Promise<void> {
    this.#lose('it was released');
    this.#ended ??= this.#session.end();
    await this.#ended;
  }

  #leftMs(): number {
    return Math.max(0, this.#standsUntil - this.#deps.uptimeMs());
  }

  #endOf(since: number): number {
    return since + this.#session.ttlMs * (1 - MARGIN);
  }

  #lose(why: string): void {
    if (!this.#lost.signal.aborted) this.#lost.abort(leaseLost(this.name, why));
  }

  #whyNotRenewed(): string {
    const why = this.#setback === undefined ? 'the store did not answer' : reasonOf(this.#setback);
    return `it could not be renewed in time: ${why}`;
  }

  /** Until it is lost. Never rejects. */
  async #renew(): Promise<void> {
    const { clock, uptimeMs } = this.#deps;
    const { signal } = this.#lost;
    const pauseMs = this.#session.ttlMs / RENEWALS;
    while (!signal.aborted) {
      const since = uptimeMs();
      try {
        if (!(await this.#session.keepAlive())) return this.#lose('it has ended in the store');
        this.#standsUntil = Math.max(this.#standsUntil, this.#endOf(since));
        this.#setback = undefined;
      } catch (error) {
        this.#setback = error;
      }
      const restMs = Math.max(0, pauseMs - (uptimeMs() - since));
      const untilNext = this.#setback === undefined ? restMs : Math.min(restMs, LOOK_EVERY_MS);
      await clock.sleep(untilNext, signal).catch(() => undefined);
    }
  }

  /** Sees its own end in time, whatever the store does meanwhile. Never rejects. */
  async #look(): Promise<void> {
    while (!this.lost.aborted)
      await this.#deps.clock.sleep(Math.min(this.#leftMs(), LOOK_EVERY_MS), this.#lost.signal).catch(() => undefined);
    // What cannot be told the store now ends there by itself.
    this.#ended ??= this.#session.end();
  }
}
