import { abortedOf, onAbort } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import { ClusterError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { SubstrateMember } from './types.ts';

/** Where things stand, as of the last round. */
export interface SubstrateStatus {
  readonly swarmId: string | undefined;
  /** How often it was made anew from one survivor. */
  readonly epoch: number;
  /** The other cluster whose substrate the engines are in: nothing is changed there. */
  readonly guestOf: string | undefined;
  /** Members that take part, by ID. */
  readonly active: ReadonlySet<string>;
  /** Members that are its managers now, the leader first. */
  readonly managers: readonly SubstrateMember[];
  /** By member ID: why it takes no part in cluster networks, and what to do. */
  readonly problems: ReadonlyMap<string, string>;
  /** What concerns all of it and a person should know. */
  readonly notices: readonly string[];
  /** Members among those that will not take part without help (the others are tried again). */
  readonly excluded: ReadonlySet<string>;
}

/** What to wait for. */
export interface StatusWish {
  readonly isReached: (status: SubstrateStatus) => boolean;
  readonly timeoutMs: number;
  /** Told when the time is over. */
  readonly why: () => string;
}

const NOTHING: SubstrateStatus = {
  swarmId: undefined,
  epoch: 0,
  guestOf: undefined,
  active: new Set(),
  managers: [],
  problems: new Map(),
  notices: [],
  excluded: new Set(),
};

/** The substrate's status, published by its loop and waited for by everybody else. */
export class StatusBoard {
  readonly #clock: Clock;
  readonly #changes: Emitter<SubstrateStatus>;
  #current: SubstrateStatus = NOTHING;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#changes = new Emitter((error) => logger.error({ err: error }, 'a listener of the substrate failed'));
  }

  get current(): SubstrateStatus {
    return this.#current;
  }

  publish(status: SubstrateStatus): void {
    this.#current = status;
    this.#changes.emit(status);
  }

  /** Calls `listener` with every status published, until the returned function is called. */
  subscribe(listener: (status: SubstrateStatus) => void): () => void {
    return this.#changes.subscribe(listener);
  }

  /** Resolves when a status is as wished; rejects with 503 after its time, or with the reason of a signal that is aborted. */
  async until({ isReached, timeoutMs, why }: StatusWish, ...signals: readonly AbortSignal[]): Promise<void> {
    if (isReached(this.#current)) return;
    abortedOf(signals)?.throwIfAborted();
    const timer = new AbortController();
    const forget = onAbort(signals, (reason) => timer.abort(reason));
    let unsubscribe: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => {
      unsubscribe = this.subscribe((status) => {
        if (isReached(status)) resolve();
      });
    });
    const timeout = this.#clock.sleep(timeoutMs, timer.signal).then(() => {
      throw unavailable(why());
    });
    try {
      await Promise.race([reached, timeout]);
    } finally {
      unsubscribe();
      forget();
      timer.abort(new Error('done'));
    }
  }
}

/** Cluster networks cannot serve at present (503). */
export function unavailable(message: string): ClusterError {
  return new ClusterError(message, { code: 'SUBSTRATE_UNAVAILABLE', status: 503 });
}
