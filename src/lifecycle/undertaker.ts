import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Tombstone, Tombstones } from '../cluster/tombstones.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';

const CONCURRENCY = 4;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;
/** Stopping may take a while on a host that just booted, in milliseconds. */
const REMOVAL_MS = 60_000;

export interface UndertakerDeps {
  readonly cluster: Cluster;
  readonly tombstones: Tombstones;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Carries out, when a node is back, what clients removed while it was away. One pass per node at a time, until all is done. */
export class Undertaker {
  readonly #deps: UndertakerDeps;
  readonly #stop = new AbortController();
  readonly #working = new Map<Node, Promise<void>>();
  readonly #unsubscribe: () => void;

  constructor(deps: UndertakerDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.cluster.subscribe((event) => this.#onEvent(event));
  }

  /** Idempotent. What is not done yet is done by the next manager. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('the manager stops'));
    await Promise.all(this.#working.values());
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind !== 'node-state' || event.to !== 'Healthy' || this.#working.has(event.node)) return;
    const { node } = event;
    if (this.#deps.tombstones.of(node.id).length === 0) return;
    this.#working.set(
      node,
      this.#work(node).finally(() => this.#working.delete(node)),
    );
  }

  async #work(node: Node): Promise<void> {
    const { tombstones, clock, logger } = this.#deps;
    const { signal } = this.#stop;
    const isDone = (): boolean => tombstones.of(node.id).length === 0;
    const limit = pLimit(CONCURRENCY);
    const pass = async (): Promise<void> => {
      if (!node.isHealthy) return;
      await Promise.all(tombstones.of(node.id).map((each) => limit(() => this.#remove(node, each))));
    };
    const backoff = (failures: number): number | undefined =>
      node.isHealthy ? backoffMs(failures, BACKOFF) : undefined;
    // Rejects when the manager stops only: each removal tells of its own failure.
    await retry(clock, pass, { until: isDone, backoff, signal }).catch(() => undefined);
    if (!isDone()) logger.debug({ node: node.name }, 'pending removals wait for the node');
  }

  async #remove(node: Node, tombstone: Tombstone): Promise<void> {
    const { engineId, name, search } = tombstone;
    const fields = { node: node.name, container: name, id: engineId };
    try {
      const path = `/containers/${engineId}${search}`;
      const { signal } = this.#stop;
      const answer = await node.client.request({ method: 'DELETE', path, signal, timeoutMs: REMOVAL_MS });
      if (!isGone(answer)) throw new Error(messageOf(answer.body));
      await this.#deps.tombstones.settle(tombstone);
      this.#deps.logger.info(fields, 'pending removal done: the container is gone from its node');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#deps.logger.warn({ ...fields, reason: reasonOf(error) }, 'pending removal failed, it is tried again');
    }
  }
}

function isGone({ statusCode }: EngineAnswer): boolean {
  return statusCode < 300 || statusCode === 404;
}
