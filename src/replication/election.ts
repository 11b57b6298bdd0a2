import { z } from 'zod';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Lease, LeaseStore } from '../kv/lease.ts';

/** A manager, as the others see it. */
export interface ManagerName {
  /** `host:port` where it is reached. */
  readonly advertise: string;
  /** Another one for each start of a manager. */
  readonly id: string;
}

/** What a manager does when its role changes. */
export interface Candidate {
  /**
   * Takes up what the primary does. The lease may be lost meanwhile. A rejection gives the role back; {@link resign} is called in
   * any case.
   */
  take(lease: Lease): Promise<void>;
  /** The lease is lost: nothing is written under it any more, from this moment on. */
  lost(): void;
  /** Lays down what the primary does. Never rejects. */
  resign(): Promise<void>;
}

export interface ElectionDeps {
  readonly leases: LeaseStore;
  readonly candidate: Candidate;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface ElectionOptions {
  readonly self: ManagerName;
  /** How long the primary stands without being heard by the store, in milliseconds. */
  readonly ttlMs: number;
}

/** The lease that the primary holds. */
const PRIMARY = 'primary';
/** Before a manager that could not take up the role, or not ask the store, tries again, in milliseconds. */
const REST_MS = 1_000;

const Holder = z.object({ advertise: z.string(), id: z.string() });

/** One primary among the managers of a cluster: the one that holds the lease. */
export class Election {
  readonly #deps: ElectionDeps;
  readonly #options: ElectionOptions;
  readonly #stop = sharedStop();
  readonly #listeners = new Set<() => void>();
  #primary: ManagerName | undefined;
  #problem: string | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(deps: ElectionDeps, options: ElectionOptions) {
    this.#deps = deps;
    this.#options = options;
  }

  /** The primary as far as the store told last; undefined while there is none. */
  get primary(): ManagerName | undefined {
    return this.#primary;
  }

  get self(): ManagerName {
    return this.#options.self;
  }

  /** Why the store cannot be asked, in words. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Calls `listener` after each change of {@link primary}. Returns what ends it. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** To be called once. */
  start(): void {
    this.#running = Promise.all([this.#campaign(), this.#follow()]);
  }

  /** Gives the lease back, so that another one can be the primary at once. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the manager stops'));
    await this.#running;
  }

  /** Until the election is closed. Never rejects. */
  async #campaign(): Promise<void> {
    const { leases, clock, logger } = this.#deps;
    const { self, ttlMs } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#reign(await leases.acquire(PRIMARY, JSON.stringify(self), { ttlMs, signal }));
      } catch (error) {
        if (signal.aborted) return;
        logger.error({ reason: reasonOf(error) }, 'this manager cannot become the primary; it tries again');
        await clock.sleep(REST_MS, signal).catch(() => undefined);
      }
    }
  }

  /** Until the lease is lost or given back. Rejects when the role could not be taken up. */
  async #reign(lease: Lease): Promise<void> {
    const { candidate, logger } = this.#deps;
    const { signal } = this.#stop;
    const ended = AbortSignal.any([lease.lost, signal]);
    const onLost = (): void => candidate.lost();
    lease.lost.addEventListener('abort', onLost, { once: true });
    try {
      await candidate.take(lease);
      logger.info({ term: lease.term }, 'this manager is the primary');
      await abortOf(ended);
    } finally {
      if (lease.lost.aborted && !signal.aborted)
        logger.warn({ reason: reasonOf(lease.lost.reason) }, 'this manager is not the primary any more');
      // Duties write their last words under the lease while it stands.
      await candidate.resign();
      await lease.release();
      candidate.lost();
      lease.lost.removeEventListener('abort', onLost);
    }
  }

  /** Until the election is closed. Never rejects. */
  async #follow(): Promise<void> {
    const { leases, clock, logger } = this.#deps;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        for await (const holder of leases.holders(PRIMARY, signal)) {
          this.#problem = undefined;
          this.#see(holder === undefined ? undefined : readHolder(holder));
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (this.#problem === undefined)
          logger.warn(
            { reason: reasonOf(error) },
            'the store does not tell which manager is the primary; trying again',
          );
        this.#problem = reasonOf(error);
        await clock.sleep(REST_MS, signal).catch(() => undefined);
      }
    }
  }

  #see(primary: ManagerName | undefined): void {
    const isSame = primary?.id === this.#primary?.id && primary?.advertise === this.#primary?.advertise;
    if (isSame) return;
    this.#primary = primary;
    if (primary && primary.id !== this.#options.self.id)
      this.#deps.logger.info({ primary: primary.advertise }, 'another manager is the primary');
    for (const listener of [...this.#listeners]) listener();
  }
}

function readHolder(text: string): ManagerName | undefined {
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function abortOf(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
