import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Tombstone, Tombstones } from '../cluster/tombstones.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';

const CONCURRENCY = 4;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;
/** Stopping may take a while on a host that just booted, in milliseconds. */
const REMOVAL_MS = 60_000;

/** What {@link Undertaker} works with. */
export interface UndertakerParts {
  readonly cluster: Cluster;
  readonly tombstones: Tombstones;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Carries out, when a node is back, what clients removed while it was away. One pass per node at a time, until all is done. */
export class Undertaker {
  readonly #parts: UndertakerParts;
  readonly #stop = new AbortController();
  readonly #working = new Map<Node, Promise<void>>();
  readonly #unsubscribe: () => void;

  constructor(parts: UndertakerParts) {
    this.#parts = parts;
    this.#unsubscribe = parts.cluster.subscribe((event) => this.#onEvent(event));
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
    if (this.#parts.tombstones.of(node.id).length === 0) return;
    this.#working.set(
      node,
      this.#work(node).finally(() => this.#working.delete(node)),
    );
  }

  async #work(node: Node): Promise<void> {
    const { tombstones, clock, logger } = this.#parts;
    const limit = pLimit(CONCURRENCY);
    for (let failures = 1; node.isHealthy && !this.#stop.signal.aborted; failures++) {
      await Promise.all(tombstones.of(node.id).map((each) => limit(() => this.#remove(node, each))));
      if (tombstones.of(node.id).length === 0) return;
      await clock.sleep(backoffMs(failures, BACKOFF), this.#stop.signal).catch(() => undefined);
    }
    logger.debug({ node: node.name }, 'removals wait for the node');
  }

  async #remove(node: Node, tombstone: Tombstone): Promise<void> {
    const { engineId, name, search } = tombstone;
    const fields = { node: node.name, container: name, id: engineId };
    try {
      const path = `/containers/${engineId}${search}`;
      const { signal } = this.#stop;
      const answer = await node.client.request({ method: 'DELETE', path, signal, timeoutMs: REMOVAL_MS });
      if (!isGone(answer)) throw new Error(messageOf(answer.body));
      await this.#parts.tombstones.settle(tombstone);
      this.#parts.logger.info(fields, 'removed what a client removed while the node was away');
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#parts.logger.warn({ ...fields, reason: reasonOf(error) }, 'cannot remove it yet');
    }
  }
}

function isGone({ statusCode }: EngineAnswer): boolean {
  return statusCode < 300 || statusCode === 404;
}
