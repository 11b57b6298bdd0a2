import { hindranceOf } from '../../availability/movability.ts';
import type { Cluster } from '../../cluster/cluster.ts';
import type { Container } from '../../cluster/container.ts';
import type { Node } from '../../cluster/node.ts';
import { onAbort } from '../../common/abort.ts';
import type { Clock } from '../../common/clock.ts';
import type { DesiredState } from '../../desired/desired-state.ts';
import type { MovePolicy } from '../../desired/move-terms.ts';
import type { ContainerRecord } from '../../desired/record.ts';

export interface SequelsDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly clock: Clock;
}

/** How a stream from a container's engine ended: the engine ended it, or the connection was cut. */
export type StreamEnd = 'ended' | 'cut';

/** What comes after a container's stream. */
export type Sequel =
  /** The container runs on: as another copy, or the engine of the same one is reached again. */
  | { readonly kind: 'goes on'; readonly container: Container }
  /** There is nothing more; with the exit code, where the manager knows how it came to be that. */
  | { readonly kind: 'over'; readonly exitCode?: number };

/** Bound on asking an engine whether it lives, and between two questions while its node is not known to be lost, in milliseconds. */
const PING_MS = 3_000;
const AGAIN_MS = 5_000;
/** The exit code of what was killed, as `docker rm -f` ends it. */
const KILLED = 137;

/**
 * What becomes of streams whose containers are moved, or may be: they are held until the container goes on elsewhere, or has ended. Nothing is
 * kept meanwhile but the question itself, and that ends with the client.
 */
export class Sequels {
  readonly #deps: SequelsDeps;
  readonly #standard: MovePolicy;

  /** @param standard the cluster's policy, for containers that say nothing */
  constructor(deps: SequelsDeps, standard: MovePolicy) {
    this.#deps = deps;
    this.#standard = standard;
  }

  /** Whether a container's streams can go on elsewhere. */
  mayHave(container: Container): boolean {
    const record = this.#deps.desired.index.byId(container.id);
    return record !== undefined && record.terms.isTransient !== true;
  }

  /** Resolves with what comes after a stream of this copy that ended so. Rejects when the signal is aborted. */
  async after(container: Container, how: StreamEnd, signal: AbortSignal): Promise<Sequel> {
    const key = this.#deps.desired.index.byId(container.id)?.key;
    if (key === undefined) return { kind: 'over' };
    for (let hasWaited = false; ; hasWaited = true) {
      signal.throwIfAborted();
      const change = this.#nextChange(key, container.id, signal);
      try {
        const sequel = this.#judge(key, container) ?? (await this.#ask(container, how, hasWaited, signal));
        // What the engine was asked for may have been answered by a record meanwhile.
        const now = sequel ? (this.#judge(key, container) ?? sequel) : undefined;
        if (now && now !== 'wait') return now;
        await change.promise;
      } finally {
        change.end();
      }
    }
  }

  /** What the records and the model say; undefined when only the engine can tell. */
  #judge(key: string, { id, engineId, node }: Container): Sequel | 'wait' | undefined {
    const record = this.#deps.desired.get(key);
    if (!record) return { kind: 'over', exitCode: KILLED };
    if (record.ended) return { kind: 'over', exitCode: record.ended.exitCode };
    if (record.current.engineId !== engineId) return this.#successor(id, record);
    if (record.move) return 'wait';
    if (hindranceOf(record, this.#standard)) return { kind: 'over' };
    return node.isHealthy ? undefined : 'wait';
  }

  #successor(id: string, { current }: ContainerRecord): Sequel | 'wait' {
    const shown = this.#deps.cluster.findContainer(id);
    const isThere = shown !== undefined && shown.engineId === current.engineId && shown.node.isHealthy;
    return isThere ? { kind: 'goes on', container: shown } : 'wait';
  }

  /** An engine that is being stopped ends its containers first, and answers no ping any more. */
  async #ask(
    { node, engineId }: Container,
    how: StreamEnd,
    hasWaited: boolean,
    signal: AbortSignal,
  ): Promise<Sequel | undefined> {
    if (!(await answers(node, signal))) return undefined;
    if (how === 'ended' && !hasWaited) return { kind: 'over' };
    const container = node.containers.get(engineId);
    if (!container) return { kind: 'over' };
    return hasWaited && container.state !== 'running' ? undefined : { kind: 'goes on', container };
  }

  /** Resolves when something that matters for a container has changed, or might have. */
  #nextChange(
    key: string,
    id: string,
    signal: AbortSignal,
  ): { readonly promise: Promise<void>; readonly end: () => void } {
    const { cluster, desired, clock } = this.#deps;
    let resolve = (): void => undefined;
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    const timer = clock.timer(resolve);
    timer.start(AGAIN_MS);
    const ends = [
      onAbort([signal], resolve),
      desired.subscribe(({ before, after }) => {
        if ((after ?? before)?.key === key) resolve();
      }),
      cluster.subscribe((event) => {
        if (event.kind === 'node-state') resolve();
        else if ((event.kind === 'container-changed' || event.kind === 'container-added') && event.after.id === id)
          resolve();
      }),
      () => timer.stop(),
    ];
    return {
      promise,
      end: () => {
        for (const end of ends) end();
      },
    };
  }
}

async function answers({ client }: Node, signal: AbortSignal): Promise<boolean> {
  try {
    const answer = await client.request({
      method: 'GET',
      path: '/_ping',
      isUnversioned: true,
      signal,
      timeoutMs: PING_MS,
    });
    return answer.statusCode === 200;
  } catch {
    return false;
  }
}
