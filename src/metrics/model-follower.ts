import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { healthOf } from '../cluster/status.ts';
import type { Clock } from '../common/clock.ts';
import { type CallTally, newCallTally } from '../engine/call-tally.ts';

export interface ModelFollowerDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Observes how old an engine's message was when it arrived, in seconds. */
  readonly onLag: (seconds: number) => void;
}

/** Types of messages that engines send; another one is told as `other`, so that an engine cannot make series without end. */
const EVENT_TYPES: ReadonlySet<string> = new Set([
  'builder',
  'container',
  'daemon',
  'image',
  'network',
  'plugin',
  'volume',
]);

/** Counts what the model tells, from its beginning on: some additions for every change, and no look at all containers. */
export class ModelFollower {
  readonly events: Map<string, number> = new Map();
  /** Times that a healthy node was lost. */
  losses = 0;
  /** Calls to engines of nodes that left. */
  readonly #gone: CallTally = newCallTally();
  readonly #deps: ModelFollowerDeps;
  readonly #states = new Map<Node, Map<string, number>>();
  readonly #unsubscribe: () => void;

  constructor(deps: ModelFollowerDeps) {
    this.#deps = deps;
    for (const node of deps.cluster.nodes) for (const each of node.containers.values()) this.#count(node, each, 1);
    this.#unsubscribe = deps.cluster.subscribe((event) => this.#onEvent(event));
  }

  /** Containers by state; those of nodes that are not healthy are `unreachable`, whatever they did when they were seen. */
  containers(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const [node, states] of this.#states) {
      for (const [state, count] of states) {
        if (state === UNHEALTHY) continue;
        const shown = node.isHealthy ? state : 'unreachable';
        sums.set(shown, (sums.get(shown) ?? 0) + count);
      }
    }
    return sums;
  }

  /** Running containers of healthy nodes whose health check fails. */
  get unhealthyContainers(): number {
    let sum = 0;
    for (const [node, states] of this.#states) if (node.isHealthy) sum += states.get(UNHEALTHY) ?? 0;
    return sum;
  }

  /** Calls to all engines, those of nodes that left included. */
  calls(): CallTally {
    const sum = { ...this.#gone };
    for (const { client } of this.#deps.cluster.nodes) addTally(sum, client.tally);
    return sum;
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe();
  }

  #onEvent(event: ClusterEvent): void {
    switch (event.kind) {
      case 'container-added':
        return this.#count(event.node, event.after, 1);
      case 'container-removed':
        return this.#count(event.node, event.before, -1);
      case 'container-changed':
        // A container that moved is told with the node it is on now.
        this.#count(event.before.node, event.before, -1);
        return this.#count(event.node, event.after, 1);
      case 'node-removed':
        this.#states.delete(event.node);
        return addTally(this.#gone, event.node.client.tally);
      case 'node-state':
        if (event.from === 'Healthy') this.losses += 1;
        return;
      case 'engine-event':
        return this.#countEvent(event.node, event.event.Type, event.text);
    }
  }

  #count(node: Node, container: Container, by: number): void {
    const states = this.#states.get(node) ?? new Map<string, number>();
    this.#states.set(node, states);
    add(states, container.state, by);
    if (container.state === 'running' && healthOf(container.status) === 'unhealthy') add(states, UNHEALTHY, by);
  }

  #countEvent(node: Node, type: string, text: string): void {
    add(this.events, EVENT_TYPES.has(type) ? type : 'other', 1);
    const nanoseconds = /"timeNano":(\d{1,19})/.exec(text)?.[1];
    if (nanoseconds === undefined) return;
    const sentMs = Number(nanoseconds) / 1e6 - node.clockOffsetMs;
    // Clocks are compared once, when an engine is connected, and to some milliseconds.
    this.#deps.onLag(Math.max(0, this.#deps.clock.now() - sentMs) / 1_000);
  }
}

/** Beside the states of Docker: no state has such a name. */
const UNHEALTHY = '(unhealthy)';

function addTally(sum: CallTally, { answered, refused, failed, abandoned }: CallTally): void {
  sum.answered += answered;
  sum.refused += refused;
  sum.failed += failed;
  sum.abandoned += abandoned;
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
