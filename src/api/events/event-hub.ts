import type { Cluster } from '../../cluster/cluster.ts';
import type { ClusterEvent } from '../../cluster/events.ts';
import type { NetworkNames } from '../../cluster/network-names.ts';
import type { Clock } from '../../common/clock.ts';
import type { Timer } from '../../common/timer.ts';
import type { Notice } from '../../notify/notice.ts';
import { EventBatch } from './event-batch.ts';
import { type ClusterMessage, clusterMessage, moveMessages, nodeMessage } from './event-text.ts';
import { noticeMessage } from './notice-message.ts';

/** Our own messages kept for `since`; engines keep 256 of theirs. */
const KEPT_OWN_MESSAGES = 256;

/**
 * Batches are this many milliseconds apart. The first message goes out at once; those that come soon after it wait for each other,
 * because a write to a subscriber costs much the same for one message as for ten.
 */
const GATHER_MS = 20;

/** Merges what engines say and what happens to nodes into one stream; a message is rendered once for all subscribers. */
export class EventHub {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #names: NetworkNames;
  readonly #subscribers = new Set<(batch: EventBatch) => void>();
  readonly #own: ClusterMessage[] = [];
  readonly #wasConnected = new WeakSet<object>();
  readonly #unsubscribe: () => void;
  #gathered: ClusterMessage[] = [];
  readonly #timer: Timer;
  #isWaiting = false;
  /** `performance.now()` of the last batch. */
  #sentMs = Number.NEGATIVE_INFINITY;

  constructor(cluster: Cluster, clock: Clock) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#timer = clock.timer(() => this.#flush());
    this.#names = cluster.networkNames;
    this.#unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
  }

  /** Hands every message from now on to `listener`, until the returned function is called. */
  subscribe(listener: (batch: EventBatch) => void): () => void {
    this.#flush();
    this.#subscribers.add(listener);
    return () => {
      this.#flush();
      this.#subscribers.delete(listener);
    };
  }

  /** How many subscribe at present. */
  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Our own recent messages, oldest first. */
  get own(): readonly ClusterMessage[] {
    return this.#own;
  }

  /** Publishes what operators are told of as a message of the manager's own. What moved is seen by its containers' messages. */
  announce(notice: Notice): void {
    const message = noticeMessage(notice, this.#cluster, this.#clock.now());
    if (message) this.#say(message);
  }

  close(): void {
    this.#unsubscribe();
    this.#subscribers.clear();
    this.#timer.stop();
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'engine-event') {
      if (this.#subscribers.size > 0) this.#publish(clusterMessage(event.node, event.event, event.text, this.#names));
    } else if (event.kind === 'node-state') {
      const action = this.#actionOf(event);
      if (action === undefined) return;
      const message = nodeMessage(event.node, action, event.reason, this.#clock.now());
      this.#say(message);
    } else if (event.kind === 'container-changed' && event.why !== undefined) {
      const { before, after, why } = event;
      for (const message of moveMessages(before, after, why, this.#clock.now())) this.#say(message);
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

  /** A message of our own, which no engine remembers. */
  #say(message: ClusterMessage): void {
    this.#own.push(message);
    if (this.#own.length > KEPT_OWN_MESSAGES) this.#own.shift();
    this.#publish(message);
  }

  #publish(message: ClusterMessage): void {
    this.#gathered.push(message);
    if (this.#isWaiting) return;
    const waitMs = this.#sentMs + GATHER_MS - performance.now();
    if (waitMs <= 0) return this.#flush();
    this.#isWaiting = true;
    this.#timer.start(waitMs);
  }

  #flush(): void {
    this.#timer.stop();
    this.#isWaiting = false;
    if (this.#gathered.length === 0) return;
    this.#sentMs = performance.now();
    const batch = new EventBatch(this.#gathered);
    this.#gathered = [];
    for (const subscriber of this.#subscribers) subscriber(batch);
  }
}
