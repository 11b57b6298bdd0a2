import type { LimitFunction } from 'p-limit';
import type { ContainerDetails } from '../engine/types.ts';
import { reservationOf } from '../scheduler/host-config.ts';
import type { Container } from './container.ts';
import type { Node } from './node.ts';

/**
 * Learns what containers that were not created through this manager reserve: listings do not tell memory, CPUs and
 * the ports of stopped containers, so each is inspected once, in the background, a few at a time.
 */
export class Accounting {
  readonly #limit: LimitFunction;
  #unknown = 0;
  #waiting: (() => void)[] = [];
  readonly #queues = new Map<Node, Container[]>();
  /** Containers by engine ID whose inspection failed, to be tried again when their node was listed again. */
  readonly #failed = new Map<Node, Set<string>>();

  constructor(limit: LimitFunction) {
    this.#limit = limit;
  }

  /** How many containers' reservations are still unknown. */
  get unknown(): number {
    return this.#unknown;
  }

  /** Plans the inspection of a container just met. */
  learn(container: Container): void {
    this.#unknown += 1;
    const queue = this.#queues.get(container.node);
    if (queue) {
      queue.push(container);
      return;
    }
    this.#queues.set(container.node, [container]);
    void this.#limit(() => this.#learnAll(container.node)); // Never rejects.
  }

  /** One node's containers one after the other, over one connection. */
  async #learnAll(node: Node): Promise<void> {
    const queue = this.#queues.get(node) ?? [];
    for (let container = queue.shift(); container; container = queue.shift()) {
      const current = container;
      await inspect(current).catch(() => this.#remember(current));
      this.#done();
    }
    this.#queues.delete(node);
  }

  /** Plans the inspections of a node again that failed before: the node was away or slow. */
  learnAgain(node: Node): void {
    const failed = this.#failed.get(node) ?? [];
    this.#failed.delete(node);
    for (const engineId of failed) {
      const container = node.containers.get(engineId);
      if (container) this.learn(container);
    }
  }

  /** Forgets what is to be tried again on a node that left. */
  forget(node: Node): void {
    this.#failed.delete(node);
  }

  #remember({ node, engineId }: Container): void {
    if (!node.containers.has(engineId)) return; // It is gone.
    this.#failed.set(node, (this.#failed.get(node) ?? new Set()).add(engineId));
  }

  /** Resolves when everything met so far is known. */
  settled(): Promise<void> {
    if (this.#unknown === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #done(): void {
    this.#unknown -= 1;
    if (this.#unknown > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

async function inspect({ node, engineId }: Container): Promise<void> {
  if (!node.containers.has(engineId)) return;
  const details = await node.client.json<ContainerDetails>({ method: 'GET', path: `/containers/${engineId}/json` });
  // It may have gone, or have been settled by its own create, meanwhile.
  if (!node.containers.has(engineId)) return;
  node.ledger.put(engineId, reservationOf(details.HostConfig, details.Config?.ExposedPorts, []));
  node.touch();
}
