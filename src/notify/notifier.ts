import { randomUUID } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import type { Delivery, Notice } from './notice.ts';
import { RefusedDelivery, type Target } from './target.ts';

/** Deliveries that wait for one target at most; beyond that the oldest are dropped, and that is logged. */
const MAX_WAITING = 1_000;
/** How long a delivery is tried, in milliseconds, and the pauses between. */
const TRY_MS = 3_600_000;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;

export interface NotifierDeps {
  readonly targets: readonly Target[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface NotifierOptions {
  /** ID of the cluster. */
  readonly cluster?: string | undefined;
}

/**
 * Tells operators outside of the cluster what happened. Each target has a queue of its own, gets its deliveries in order, one at a time,
 * and each until it was taken or is too old. The queues are in memory: what waits when the manager ends is lost.
 */
export class Notifier {
  readonly #clock: Clock;
  readonly #cluster: string | undefined;
  readonly #queues: readonly Queue[];

  constructor({ targets, clock, logger }: NotifierDeps, options: NotifierOptions = {}) {
    this.#clock = clock;
    this.#cluster = options.cluster;
    this.#queues = targets.map((target) => new Queue(target, clock, logger));
  }

  /** Never fails and does not wait. */
  tell(notice: Notice): void {
    if (this.#queues.length === 0) return;
    const delivery: Delivery = {
      id: randomUUID(),
      at: new Date(this.#clock.now()).toISOString(),
      ...(this.#cluster === undefined ? {} : { cluster: this.#cluster }),
      ...notice,
    };
    for (const queue of this.#queues) queue.add(delivery);
  }

  /** What a person should know, for `docker info`. */
  problems(): readonly string[] {
    return this.#queues.flatMap(({ problem }) => problem ?? []);
  }

  /** Ends what is under way; what waits is dropped. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }
}

/** The deliveries of one target. */
class Queue {
  /** In words, while the target takes nothing. */
  problem: string | undefined;
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #waiting: Delivery[] = [];
  readonly #stop = new AbortController();
  #working: Promise<void> | undefined;

  constructor(target: Target, clock: Clock, logger: Logger) {
    this.#target = target;
    this.#clock = clock;
    this.#logger = logger;
  }

  add(delivery: Delivery): void {
    if (this.#stop.signal.aborted) return;
    this.#waiting.push(delivery);
    if (this.#waiting.length > MAX_WAITING) this.#drop(this.#waiting.shift(), `more than ${MAX_WAITING} wait`);
    this.#working ??= this.#work();
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error('the manager ends'));
    await this.#working;
  }

  /** Never rejects. */
  async #work(): Promise<void> {
    const { signal } = this.#stop;
    for (;;) {
      const delivery = this.#waiting.shift();
      if (!delivery) {
        this.#working = undefined;
        return;
      }
      try {
        await this.#deliver(delivery, signal);
        this.problem = undefined;
      } catch (error) {
        if (signal.aborted) return;
        this.#drop(delivery, reasonOf(error));
      }
    }
  }

  async #deliver(delivery: Delivery, signal: AbortSignal): Promise<void> {
    const text = JSON.stringify(delivery);
    await retry(this.#clock, () => this.#target.deliver(text, delivery.id, signal), {
      backoff: BACKOFF,
      deadline: Date.parse(delivery.at) + TRY_MS,
      passes: (error) => !(error instanceof RefusedDelivery),
      signal,
      onSetback: (setback) => {
        if ('error' in setback) this.#fail(`notices wait for ${this.#target.name}: ${reasonOf(setback.error)}`);
      },
    });
  }

  #drop(delivery: Delivery | undefined, reason: string): void {
    const { name } = this.#target;
    this.#logger.warn({ target: name, event: delivery?.event, text: delivery?.text, reason }, 'a notice was dropped');
    this.problem = `WARNING: notify: ${name} did not take a notice: ${reason}`;
  }

  #fail(text: string): void {
    const problem = `WARNING: notify: ${text}`;
    if (problem === this.problem) return;
    this.problem = problem;
    this.#logger.warn({ target: this.#target.name }, text);
  }
}
