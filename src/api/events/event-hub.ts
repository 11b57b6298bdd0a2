import type { Cluster, ClusterEvent } from '../../cluster/cluster.ts';
import type { Clock } from '../../common/clock.ts';
import { type ClusterMessage, clusterMessage, nodeMessage } from './event-text.ts';

/** Our own messages kept for `since`; engines keep 256 of theirs. */
const KEPT_OWN_MESSAGES = 256;

/** Merges what engines say and what happens to nodes into one stream; a message is rendered once for all subscribers. */
export class EventHub {
  readonly #clock: Clock;
  readonly #subscribers = new Set<(message: ClusterMessage) => void>();
  readonly #own: ClusterMessage[] = [];
  readonly #wasConnected = new WeakSet<object>();
  readonly #unsubscribe: () => void;

  constructor(cluster: Cluster, clock: Clock) {
    this.#clock = clock;
    this.#unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
  }

  /** Calls `listener` for every message from now on, until the returned function is called. */
  subscribe(listener: (message: ClusterMessage) => void): () => void {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  }

  /** Our own recent messages, oldest first. */
  get own(): readonly ClusterMessage[] {
    return this.#own;
  }

  close(): void {
    this.#unsubscribe();
    this.#subscribers.clear();
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'engine-event') {
      if (this.#subscribers.size > 0) this.#publish(clusterMessage(event.node, event.event, event.text));
    } else if (event.kind === 'node-state') {
      const action = this.#actionOf(event);
      if (action === undefined) return;
      const message = nodeMessage(event.node, action, event.reason, this.#clock.now());
      this.#own.push(message);
      if (this.#own.length > KEPT_OWN_MESSAGES) this.#own.shift();
      this.#publish(message);
    }
  }

  #actionOf({ node, from, to }: Extract<ClusterEvent, { kind: 'node-state' }>): string | undefined {
    if (to === 'Healthy') {
      const action = this.#wasConnected.has(node) ? 'engine_reconnect' : 'engine_connect';
      this.#wasConnected.add(node);
      return action;
    }
    return from === 'Healthy' || to === 'Disconnected' ? 'engine_disconnect' : undefined;
  }

  #publish(message: ClusterMessage): void {
    for (const subscriber of this.#subscribers) subscriber(message);
  }
}
