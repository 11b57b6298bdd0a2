import { untilAborted } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { retry } from '../common/retry.ts';
import { releaseNode } from './release.ts';
import type { SubstrateMember } from './types.ts';

export interface ReleasesDeps {
  /** A substrate manager, as soon as there is one. */
  readonly manager: (signal: AbortSignal) => Promise<SubstrateMember>;
  readonly clock: Clock;
  /** Lets the substrate be looked at again. */
  readonly kick: () => void;
}

/** How long ending a lost node's attachments is tried, in milliseconds: when it led, the others elect a leader first. */
const RELEASE_MS = 25_000;
const RETRY_MS = 500;
/** For how long a swarm node counts as released without asking: all containers of a lost node ask in the same seconds. */
const TRUSTED_MS = 10_000;

/** Takes lost nodes out of the swarm, each once for all who ask at the same time. One owner: the substrate. */
export class Releases {
  readonly #deps: ReleasesDeps;
  readonly #running = new Map<string, Promise<void>>();
  /** By swarm node ID; a swarm never gives one again. */
  readonly #doneMs = new Map<string, number>();
  readonly #closed = new AbortController();

  constructor(deps: ReleasesDeps) {
    this.#deps = deps;
  }

  /** Resolves when the swarm does not have the node any more. Rejects with 503 when too few managers are left, or when aborted. */
  async run(nodeId: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#deps.clock.elapsed() - (this.#doneMs.get(nodeId) ?? Number.NEGATIVE_INFINITY) < TRUSTED_MS) return;
    const running = this.#running.get(nodeId) ?? this.#start(nodeId);
    await untilAborted(running, signal);
  }

  /** Ends what is under way: it rejects. Idempotent. */
  close(): void {
    this.#closed.abort(new Error('the manager stops'));
  }

  #start(nodeId: string): Promise<void> {
    const running = this.#release(nodeId).finally(() => this.#running.delete(nodeId));
    running.catch(() => undefined); // Those who wait hear of it; all may have left.
    this.#running.set(nodeId, running);
    return running;
  }

  async #release(nodeId: string): Promise<void> {
    const { manager, clock, kick } = this.#deps;
    const { signal } = this.#closed;
    await retry(clock, async () => releaseNode(await manager(signal), nodeId, clock, signal), {
      backoff: RETRY_MS,
      deadline: clock.now() + RELEASE_MS,
      signal,
      onSetback: kick,
    });
    const now = clock.elapsed();
    for (const [id, doneMs] of this.#doneMs) if (now - doneMs >= TRUSTED_MS) this.#doneMs.delete(id);
    this.#doneMs.set(nodeId, now);
    kick();
  }
}
