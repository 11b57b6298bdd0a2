import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Tombstone, Tombstones } from '../cluster/tombstones.ts';
import { sharedStop } from '../common/abort.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import type { ReturnGate } from '../monitor/return-gate.ts';
import type { ContainerMemory } from './container-memory.ts';

const CONCURRENCY = 4;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;
/** Stopping may take a while on a host that just booted, in milliseconds. */
const REMOVAL_MS = 60_000;
/** How long removals keep a node from being healthy, in milliseconds. */
const PATIENCE_MS = 30_000;

export interface UndertakerDeps {
  readonly cluster: Cluster;
  readonly tombstones: Tombstones;
  /** Undefined when nothing is kept. */
  readonly memory?: Pick<ContainerMemory, 'forgetContainer'> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One span between start and stop. */
interface Run {
  readonly stop: AbortController;
  /** Follows nothing any more. */
  readonly end: () => void;
}

/** Carries out, when a node is back, what clients removed while it was away. One pass per node at a time, until all is done. */
export class Undertaker implements ReturnGate {
  readonly #deps: UndertakerDeps;
  readonly #working = new Map<Node, Promise<void>>();
  #run: Run | undefined;

  constructor(deps: UndertakerDeps) {
    this.#deps = deps;
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#run) return;
    const { cluster, tombstones } = this.#deps;
    const stop = sharedStop();
    const unsubscribe = cluster.subscribe((event) => {
      if (event.kind === 'node-state' && event.to === 'Healthy') this.#begin(event.node, stop.signal);
    });
    // The node may have come back while the removal was being made durable.
    const unfollow = tombstones.follow((nodeId) => {
      const node = cluster.node(nodeId);
      if (node?.isHealthy) this.#begin(node, stop.signal);
    });
    const end = (): void => {
      unsubscribe();
      unfollow();
    };
    this.#run = { stop, end };
    for (const node of cluster.healthyNodes()) this.#begin(node, stop.signal);
  }

  /** Resolves when no removal is under way any more; what is not done yet is done after the next start. Idempotent. */
  async stop(): Promise<void> {
    this.#run?.end();
    this.#run?.stop.abort(new Error('removals are not made up for here any more'));
    this.#run = undefined;
    await Promise.all(this.#working.values());
  }

  /**
   * Tried before the node counts as healthy, for a while: names of what was removed are free there, too, and none of it runs. Never rejects;
   * what is left is removed afterwards.
   */
  async reached(node: Node, signal: AbortSignal): Promise<void> {
    const run = this.#run;
    if (!run || this.#working.has(node) || this.#deps.tombstones.of(node.id).length === 0) return;
    const ended = AbortSignal.any([signal, run.stop.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const pass = this.#pass(node, ended);
    this.#working.set(node, pass);
    await pass;
    this.#working.delete(node);
  }

  /** Nothing of it matters here. */
  async listed(): Promise<void> {}

  #begin(node: Node, signal: AbortSignal): void {
    if (this.#working.has(node) || this.#deps.tombstones.of(node.id).length === 0) return;
    const work = this.#work(node, signal).finally(() => this.#working.delete(node));
    this.#working.set(node, work);
  }

  async #work(node: Node, signal: AbortSignal): Promise<void> {
    const { tombstones, clock, logger } = this.#deps;
    const isDone = (): boolean => tombstones.of(node.id).length === 0;
    const pass = async (): Promise<void> => {
      if (node.isHealthy) await this.#pass(node, signal);
    };
    const backoff = (failures: number): number | undefined =>
      node.isHealthy ? backoffMs(failures, BACKOFF) : undefined;
    // Rejects when it is stopped only: each removal tells of its own failure.
    await retry(clock, pass, { until: isDone, backoff, signal }).catch(() => undefined);
    if (!isDone()) logger.debug({ node: node.name }, 'pending removals wait for the node');
  }

  /** Each once; never rejects. */
  async #pass(node: Node, signal: AbortSignal): Promise<void> {
    const limit = pLimit(CONCURRENCY);
    const removals = this.#deps.tombstones.of(node.id);
    await Promise.all(removals.map((each) => limit(() => this.#remove(node, each, signal))));
  }

  async #remove(node: Node, tombstone: Tombstone, signal: AbortSignal): Promise<void> {
    const { engineId, name, search } = tombstone;
    const fields = { node: node.name, container: name, id: engineId };
    try {
      const path = `/containers/${engineId}${search}`;
      const answer = await node.client.request({ method: 'DELETE', path, signal, timeoutMs: REMOVAL_MS });
      if (!isGone(answer)) throw new Error(messageOf(answer.body));
      // A note that outlived the tombstone would show the container again.
      await this.#deps.memory?.forgetContainer(node.id, engineId);
      await this.#deps.tombstones.settle(tombstone);
      this.#deps.logger.info(fields, 'pending removal done: the container is gone from its node');
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.logger.warn({ ...fields, reason: reasonOf(error) }, 'pending removal failed, it is tried again');
    }
  }
}

function isGone({ statusCode }: EngineAnswer): boolean {
  return statusCode < 300 || statusCode === 404;
}
