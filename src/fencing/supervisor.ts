import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState, RecordChanged } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { Notice } from '../notify/notice.ts';
import type { AgentLeases } from './agent-leases.ts';
import { type CopyFacts, inspectCopy, setRestartPolicy } from './engine-copy.ts';
import { NO_RESTARTS, nextRestart, type Restarts } from './restart-policy.ts';

/** A strict container waits this long for its node's agent between two looks, in milliseconds. */
const LOOK_MS = 1_000;
/** After so many looks it is told that it waits. */
const TOLD_AFTER = 5;
/** A strict container that the agent ended, or that went with its host, ends so. */
const KILLED: readonly number[] = [137, 143, 255];

export interface SupervisorDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly leases: Pick<AgentLeases, 'isHeld' | 'refusals'>;
  /** Told what operators should know; does not wait. */
  readonly tell: (notice: Notice) => void;
  /** Starts a container as a client would. Rejects with why it cannot. */
  readonly startContainer: (container: Container, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Restarts strict containers as their policies say, while the agents of their nodes are heard: their engines have the policy `no`, because an
 * engine restarts by any other one before anybody can forbid it.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  /** By the keys of records. */
  readonly #restarts = new Map<string, Restarts>();
  readonly #working = new Map<string, Promise<void>>();
  /** Those of which there was news while something was done with them. */
  readonly #again = new Set<string>();
  /** What should run, and waits for its node's agent: in words, by the keys of records. */
  readonly #waiting = new Map<string, string>();
  #stop: AbortController | undefined;
  #unsubscribes: readonly (() => void)[] = [];

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const { cluster, desired } = this.#deps;
    this.#unsubscribes = [
      cluster.subscribe((event) => this.#onEvent(event)),
      desired.subscribe((change) => this.#onRecord(change)),
    ];
    for (const node of cluster.healthyNodes()) this.#look(node);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
    this.#stop?.abort(new Error('containers are not restarted here any more'));
    this.#stop = undefined;
    this.#restarts.clear();
    this.#again.clear();
    await Promise.all(this.#working.values());
  }

  /** For `docker info`. */
  problems(): readonly string[] {
    const [first, ...others] = this.#waiting.values();
    if (first === undefined) return [];
    return [`WARNING: ${first}${others.length > 0 ? `, and ${others.length} more wait for agents` : ''}`];
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'node-state' && event.to === 'Healthy') return this.#look(event.node);
    if (event.kind !== 'container-changed' || event.after.state !== 'exited') return;
    const found = this.#deps.desired.index.byEngineId(event.after.engineId);
    if (found?.role === 'current' && found.record.terms.isStrict) this.#begin(event.node, found.record);
  }

  /** One that was there before it became strict has its own policy at its engine. */
  #onRecord({ before, after }: RecordChanged): void {
    if (!after?.terms.isStrict || before?.terms.isStrict || after.current.engineId === undefined) return;
    const node = this.#deps.cluster.node(after.current.nodeId);
    if (node) this.#begin(node, after);
  }

  #look(node: Node): void {
    for (const record of this.#deps.desired.index.onNode(node.id))
      if (record.terms.isStrict || isLoosened(record)) this.#begin(node, record);
  }

  #begin(node: Node, { key, name, terms }: ContainerRecord): void {
    const signal = this.#stop?.signal;
    if (!signal) return;
    if (this.#working.has(key)) {
      this.#again.add(key);
      return;
    }
    const work = (terms.isStrict ? this.#work(node, key, signal) : this.#giveBack(node, key, signal))
      .catch((error: unknown) => {
        if (signal.aborted) return;
        this.#deps.logger.warn({ container: name, node: node.name, reason: reasonOf(error) }, 'not restarted');
      })
      .finally(() => {
        this.#working.delete(key);
        this.#waiting.delete(key);
        if (this.#again.delete(key)) this.#lookAgain(key);
      });
    this.#working.set(key, work);
  }

  #lookAgain(key: string): void {
    const record = this.#deps.desired.get(key);
    const node = record && this.#deps.cluster.node(record.current.nodeId);
    if (node && (record.terms.isStrict || isLoosened(record))) this.#begin(node, record);
  }

  /** The engine restarts it again by itself, as its policy says. */
  async #giveBack(node: Node, key: string, signal: AbortSignal): Promise<void> {
    const record = this.#deps.desired.get(key);
    if (!record || !isLoosened(record) || record.current.nodeId !== node.id) return;
    await setRestartPolicy(node, record.current.engineId, record.terms.restart, signal);
  }

  async #work(node: Node, key: string, signal: AbortSignal): Promise<void> {
    const { clock, logger, leases, startContainer } = this.#deps;
    let isHealed = false;
    let looks = 0;
    for (;;) {
      const container = this.#due(node, key);
      if (!container) return;
      if (!isHealed) await setRestartPolicy(node, container.engineId, 'no', signal);
      isHealed = true;
      if (container.state !== 'exited') return;
      if (!leases.isHeld(node.id)) {
        // One that is only late, or is about to begin, is not told of.
        if (looks++ === TOLD_AFTER) this.#wait(node, container);
        await clock.sleep(LOOK_MS, signal);
        continue;
      }
      this.#waiting.delete(key);
      const facts = await inspectCopy(node, container.engineId, signal);
      const next = facts && !facts.isRunning && this.#next(key, facts);
      if (!next) return;
      await clock.sleep(next.pauseMs, signal);
      if (!this.#due(node, key) || !leases.isHeld(node.id)) continue;
      this.#restarts.set(key, next);
      try {
        await startContainer(container, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        logger.warn(
          { container: container.name, reason: reasonOf(error) },
          'a strict container cannot be restarted yet',
        );
        await clock.sleep(LOOK_MS, signal);
      }
    }
  }

  #wait(node: Node, { id, name, engineId }: Container): void {
    const { desired, leases, logger, tell } = this.#deps;
    const why = `strict, on node ${node.name}: ${leases.refusals().get(node.id) ?? 'the agent was not heard'}`;
    const text = `container ${name} waits: ${why}`;
    const key = desired.index.byEngineId(engineId)?.record.key;
    if (key !== undefined) this.#waiting.set(key, text);
    logger.warn({ container: name, node: node.name, reason: why }, 'a container waits');
    tell({ event: 'waiting', text, container: { id, name }, node: node.name, why });
  }

  /** The container of a record while it is here, and should run. */
  #due(node: Node, key: string): Container | undefined {
    const record = this.#deps.desired.get(key);
    if (!record || record.move || record.ended || record.wanted !== 'running') return undefined;
    if (!record.terms.isStrict || record.current.nodeId !== node.id || !node.isHealthy) return undefined;
    return node.containers.get(record.current.engineId ?? '');
  }

  #next(key: string, facts: CopyFacts): Restarts | undefined {
    const { terms } = this.#deps.desired.get(key) ?? {};
    const ranMs = facts.finishedMs - facts.startedMs;
    // What was ended so that it does not run twice is not counted as a failure of its own.
    const isFenced = KILLED.includes(facts.exitCode) && terms?.isOfService === true;
    const before = this.#restarts.get(key) ?? NO_RESTARTS;
    return nextRestart(isFenced ? 'always' : (terms?.restart ?? 'no'), { exitCode: facts.exitCode, ranMs }, before);
  }
}

type Loosened = ContainerRecord & { readonly current: { readonly engineId: string } };

/** Whether it was strict once, on this engine. */
function isLoosened(record: ContainerRecord): record is Loosened {
  const { current, fence, terms } = record;
  return !terms.isStrict && fence?.is === 'off' && fence.engineId === current.engineId;
}
