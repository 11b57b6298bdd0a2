import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { type CopyFacts, inspectCopy } from './engine-copy.ts';

/** Containers of one node that are started at once. */
const AT_ONCE = 4;
/** A node's networks may take this long to be as they were; then its containers are left to people. */
const TRIES = 6;
const BACKOFF = { baseMs: 1_000, maxMs: 20_000 } as const;
/** An engine that goes down ends its containers this long, at most, before it is missed, in milliseconds. */
const GOING_DOWN_MS = 20_000;
/** How a container ends that its engine or its host ended: killed, asked to end, or found dead. */
const ENDED_WITH_ITS_ENGINE: readonly number[] = [137, 143, 255];

export interface RevivalDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  /** Starts a container as a client would. Rejects with why it cannot. */
  readonly startContainer: (container: Container, signal: AbortSignal) => Promise<void>;
  /** The policy of containers without a word of their own. */
  readonly defaultPolicy: MovePolicy;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Starts, on a node that is back, what should run there and does not because its engine or its host was restarted. */
export class Revival {
  readonly #deps: RevivalDeps;
  /** When nodes were missed, by their IDs, in milliseconds since the epoch. */
  readonly #missedMs = new Map<string, number>();
  readonly #working = new Map<string, Promise<void>>();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: RevivalDeps) {
    this.#deps = deps;
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    this.#unsubscribe = this.#deps.cluster.subscribe((event) => this.#onEvent(event));
    for (const node of this.#deps.cluster.healthyNodes()) this.#begin(node);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop?.abort(new Error('containers are not started here any more'));
    this.#stop = undefined;
    this.#missedMs.clear();
    await Promise.all(this.#working.values());
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'node-removed') this.#missedMs.delete(event.node.id);
    if (event.kind !== 'node-state') return;
    const { node, from, to } = event;
    if (to === 'Healthy') this.#begin(node);
    else if (from === 'Healthy') this.#missedMs.set(node.id, this.#deps.clock.now());
  }

  #begin(node: Node): void {
    const { id } = node;
    const signal = this.#stop?.signal;
    if (!signal || this.#working.has(id)) return;
    const missedMs = this.#missedMs.get(id);
    this.#missedMs.delete(id);
    const candidates = this.#deps.desired.index.onNode(id).filter((record) => this.#isCandidate(node, record));
    if (candidates.length === 0) return;
    const limit = pLimit(AT_ONCE);
    const all = candidates.map((record) => limit(() => this.#revive(node, record, missedMs, signal)));
    const work = Promise.all(all).then(() => this.#working.delete(id));
    this.#working.set(
      id,
      work.then(() => undefined),
    );
  }

  #isCandidate(node: Node, { current, move, wanted, ended, terms }: ContainerRecord): boolean {
    // Those that must never run twice have a supervisor of their own.
    if (move || wanted !== 'running' || ended || terms.isTransient || terms.isStrict) return false;
    const policy = terms.policy ?? this.#deps.defaultPolicy;
    const isMeantToGoOn = terms.restart !== 'no' || terms.isOfService === true;
    if (policy === 'off' || (policy === 'auto' && !isMeantToGoOn)) return false;
    const state = node.containers.get(current.engineId ?? '')?.state;
    return state === 'exited' || state === 'created' || state === 'dead';
  }

  /** Never rejects. */
  async #revive(
    node: Node,
    { key, name }: ContainerRecord,
    missedMs: number | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, logger } = this.#deps;
    const due = (): Container | undefined => {
      const record = this.#deps.desired.get(key);
      if (!record || record.current.nodeId !== node.id || !this.#isCandidate(node, record)) return undefined;
      return node.containers.get(record.current.engineId ?? '');
    };
    const attempt = async (): Promise<void> => {
      const container = due();
      if (!container || !node.isHealthy) return;
      const facts = await inspectCopy(node, container.engineId, signal);
      if (!facts || facts.isRunning || !hasEndedWithEngine(facts, missedMs && missedMs + node.clockOffsetMs)) return;
      await this.#deps.startContainer(container, signal);
      logger.info({ container: name, node: node.name }, 'started again: its engine or its host was restarted');
    };
    const backoff = (failures: number): number | undefined =>
      failures < TRIES && node.isHealthy ? backoffMs(failures, BACKOFF) : undefined;
    await retry(clock, attempt, { backoff, signal }).catch((error: unknown) => {
      if (signal.aborted) return;
      logger.warn({ container: name, node: node.name, reason: reasonOf(error) }, 'should run, and cannot be started');
    });
  }
}

/**
 * What a manager missed is judged by when it ended; what ended while there was no manager, by its exit code alone: one that finished is
 * not started again.
 */
function hasEndedWithEngine({ status, exitCode, finishedMs }: CopyFacts, missedMs: number | undefined): boolean {
  if (status === 'created') return true;
  if (missedMs === undefined) return ENDED_WITH_ITS_ENGINE.includes(exitCode);
  return !(finishedMs < missedMs - GOING_DOWN_MS);
}
