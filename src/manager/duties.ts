import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';

/** The primary changes the cluster by itself and keeps its records; a replica follows. */
export type Role = 'primary' | 'replica';

/** Work that only the primary does. */
export interface Duty {
  /** Idempotent; may follow a stop. */
  start(): Promise<void> | void;
  /** Resolves when nothing is under way any more. Idempotent. */
  stop(): Promise<void>;
}

export interface DutiesDeps {
  /** In the order of their start. */
  readonly duties: readonly Duty[];
  readonly logger: Logger;
}

/** A manager's role and the duties that come with it. A new one is a replica. */
export class Duties {
  readonly #deps: DutiesDeps;
  #role: Role = 'replica';
  #last: Promise<void> = Promise.resolve();

  constructor(deps: DutiesDeps) {
    this.#deps = deps;
  }

  /** `primary` while every duty runs. */
  get role(): Role {
    return this.#role;
  }

  /**
   * Takes a role, one change after the other; resolves when every duty runs, or has stopped. Rejects when a duty cannot start:
   * the others are stopped, and the manager is a replica.
   */
  become(role: Role): Promise<void> {
    const becoming = this.#last.then(() => (role === 'primary' ? this.#takeUp() : this.#layDown()));
    this.#last = becoming.catch(() => undefined);
    return becoming;
  }

  async #takeUp(): Promise<void> {
    try {
      for (const duty of this.#deps.duties) await duty.start();
      this.#role = 'primary';
    } catch (error) {
      await this.#layDown();
      throw error;
    }
  }

  /** Never rejects: a duty that cannot stop does not keep the others from it. */
  async #layDown(): Promise<void> {
    this.#role = 'replica';
    const { duties, logger } = this.#deps;
    for (const duty of [...duties].reverse())
      await duty.stop().catch((error: unknown) => logger.error({ reason: reasonOf(error) }, 'a duty failed to stop'));
  }
}
