import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import { type HistoryLimits, limitsFor } from './history.ts';
import { SampledContainer, SampledNode } from './sampled.ts';
import { readCounted, usageBetween } from './usage.ts';

export interface SamplerDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random?: () => number;
}

export interface SamplerOptions {
  /** The time between two samples of one container, in milliseconds. */
  readonly intervalMs: number;
  /** Samples of all containers a second: with more of them, the time between two grows. */
  readonly perSecond?: number;
  /** What all histories together may take of memory, in bytes. */
  readonly historyBytes?: number;
}

/** Samples so far; the numbers only grow. */
export interface SampleTally {
  taken: number;
  failed: number;
}

const PER_SECOND = 20;
const HISTORY_BYTES = 64 * 1024 * 1024;
const TICK_MS = 250;
/** Readings of one engine under way; one that is slow is asked less often, and delays no other. */
const PER_NODE = 2;
const TIMEOUT_MS = 5_000;
/** An answer has some 4 KiB. */
const MAX_BYTES = 256 * 1024;

/**
 * Asks engines what their running containers use: one call for a container at a time, spread over the interval and over the nodes,
 * of which there are never more a second than {@link SamplerOptions.perSecond}. One timer for all.
 */
export class Sampler {
  readonly intervalMs: number;
  readonly tally: SampleTally = { taken: 0, failed: 0 };
  readonly #deps: SamplerDeps;
  readonly #perSecond: number;
  readonly #historyBytes: number;
  readonly #containers = new Map<string, SampledContainer>();
  readonly #nodes = new Map<Node, SampledNode>();
  /** Those that run, in a random order, so that those of one node are apart. */
  readonly #running: SampledContainer[] = [];
  readonly #timer: Timer;
  #unsubscribe: () => void = () => undefined;
  #cursor = 0;
  #due = 0;
  #tickMs = 0;
  #nodesMs = 0;

  constructor(deps: SamplerDeps, options: SamplerOptions) {
    this.#deps = deps;
    this.intervalMs = options.intervalMs;
    this.#perSecond = options.perSecond ?? PER_SECOND;
    this.#historyBytes = options.historyBytes ?? HISTORY_BYTES;
    this.#timer = deps.clock.timer(() => this.#tick());
  }

  /** Begins to follow the model and to ask. */
  start(): void {
    const { cluster, clock } = this.#deps;
    for (const node of cluster.nodes) for (const each of node.containers.values()) this.#put(each);
    this.#unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
    this.#tickMs = clock.now();
    this.#nodesMs = this.#tickMs;
    this.#timer.start(TICK_MS);
  }

  /** Asks no more; calls under way end with their engines' connections. Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.#timer.stop();
  }

  /** By the identity that clients see. */
  container(id: string): SampledContainer | undefined {
    return this.#containers.get(id);
  }

  node(node: Node): SampledNode | undefined {
    return this.#nodes.get(node);
  }

  get nodes(): Iterable<SampledNode> {
    return this.#nodes.values();
  }

  /** Those that run now, in no order. */
  get running(): readonly SampledContainer[] {
    return this.#running;
  }

  /** The time between two samples of one container at present, in seconds. */
  get intervalSeconds(): number {
    return Math.max(this.intervalMs / 1_000, this.#running.length / this.#perSecond);
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'container-added') this.#put(event.after);
    else if (event.kind === 'container-changed') {
      if (event.before.id !== event.after.id) this.#remove(event.before);
      this.#put(event.after);
    } else if (event.kind === 'container-removed') this.#remove(event.before);
    else if (event.kind === 'node-removed') this.#nodes.delete(event.node);
    else if (event.kind === 'node-state' && event.to !== 'Healthy') {
      for (const { id } of event.node.containers.values()) this.#containers.get(id)?.clear();
    }
  }

  #put(container: Container): void {
    const known = this.#containers.get(container.id);
    const isSame = known?.node.node === container.node;
    if (known && !isSame) this.#remove(known.container);
    const sampled = known && isSame ? known : new SampledContainer(container, this.#nodeOf(container.node));
    sampled.container = container;
    this.#containers.set(container.id, sampled);
    if (container.state === 'running') this.#run(sampled);
    else this.#rest(sampled);
  }

  #remove(container: Container): void {
    const sampled = this.#containers.get(container.id);
    if (!sampled || sampled.container.engineId !== container.engineId) return;
    this.#rest(sampled);
    this.#containers.delete(container.id);
  }

  #nodeOf(node: Node): SampledNode {
    const known = this.#nodes.get(node) ?? new SampledNode(node);
    this.#nodes.set(node, known);
    return known;
  }

  /** Takes it in at a random place, whose holder goes to the end. */
  #run(sampled: SampledContainer): void {
    if (sampled.place !== undefined) return;
    const { random = Math.random } = this.#deps;
    const place = Math.floor(random() * (this.#running.length + 1));
    const moved = this.#running[place];
    if (moved) this.#place(moved, this.#running.length);
    this.#place(sampled, place);
  }

  #rest(sampled: SampledContainer): void {
    sampled.clear();
    if (sampled.place === undefined) return;
    const last = this.#running.pop();
    if (last && last !== sampled) this.#place(last, sampled.place);
    sampled.place = undefined;
  }

  #place(sampled: SampledContainer, place: number): void {
    this.#running[place] = sampled;
    sampled.place = place;
  }

  #tick(): void {
    const nowMs = this.#deps.clock.now();
    // After a pause of the process nothing is made up for.
    const passedMs = Math.min(Math.max(0, nowMs - this.#tickMs), 4 * TICK_MS);
    this.#tickMs = nowMs;
    const count = this.#running.length;
    this.#due = Math.min(count, this.#due + (count * passedMs) / (this.intervalSeconds * 1_000));
    for (; this.#due >= 1; this.#due -= 1) {
      this.#cursor = (this.#cursor + 1) % this.#running.length;
      const sampled = this.#running[this.#cursor];
      if (sampled?.container.node.isHealthy && sampled.node.underWay < PER_NODE) void this.#sample(sampled);
    }
    if (nowMs - this.#nodesMs >= this.intervalMs) this.#noteNodes(nowMs);
    this.#timer.start(TICK_MS);
  }

  #noteNodes(nowMs: number): void {
    this.#nodesMs = nowMs;
    const limits = this.#limits();
    for (const { history, usage, node } of this.#nodes.values())
      if (usage && node.isHealthy) history.add(Math.floor(nowMs / 1_000), usage, limits);
  }

  #limits(): HistoryLimits {
    return limitsFor(this.#containers.size + this.#nodes.size, this.#historyBytes);
  }

  /** Never rejects: a container that is gone, or an engine that does not answer, is asked again in its turn. */
  async #sample(sampled: SampledContainer): Promise<void> {
    const { container, node } = sampled;
    node.underWay += 1;
    try {
      // Engine API 1.41: one-shot answers at once, without the second reading that a rate would need.
      const path = `/containers/${container.engineId}/stats?stream=0&one-shot=1`;
      const bounds = { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES };
      const answer = await container.node.client.request({ method: 'GET', path, ...bounds });
      const counted = answer.statusCode === 200 ? readCounted(answer.body.toString()) : undefined;
      if (counted && sampled.place !== undefined) this.#note(sampled, container, counted);
      this.tally.taken += 1;
    } catch {
      this.tally.failed += 1;
    } finally {
      node.underWay -= 1;
    }
  }

  #note(sampled: SampledContainer, { engineId }: Container, counted: Parameters<typeof usageBetween>[1]): void {
    const usage = sampled.read(counted, engineId, usageBetween);
    if (usage) sampled.note(Math.floor(this.#deps.clock.now() / 1_000), usage, this.#limits());
  }
}
