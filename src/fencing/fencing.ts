import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Attempts } from '../desired/attempts.ts';
import type { DesiredState, RecordChanged } from '../desired/desired-state.ts';
import type { ReturnGate } from '../monitor/return-gate.ts';
import { Copies } from './copies.ts';
import type { VolumeKeeper } from './kept-volumes.ts';
import { Standings } from './standings.ts';
import { FENCING_TIMES, type FencingTimes } from './times.ts';

export interface FencingDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly volumes: VolumeKeeper;
  /** See `StandingsDeps`. */
  readonly mayJudge?: (() => boolean) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** One span between start and stop. */
interface Run {
  readonly copies: Copies;
  readonly stop: AbortController;
  /** Follows nothing any more. */
  readonly end: () => void;
}

/**
 * Sees to it that of each container one copy runs, and none of those that clients stopped: what must not run on a node is ended before the
 * node counts as healthy, and what is found to be stale on a healthy one, soon. A copy that cannot be ended holds its node up for a while only, and is said.
 */
export class Fencing implements ReturnGate {
  readonly #deps: FencingDeps;
  readonly #times: FencingTimes;
  /** Since when nodes are held up, by their IDs. */
  readonly #heldSince = new Map<string, number>();
  readonly #reachedMs = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  readonly #working = new Map<string, Promise<void>>();
  #run: Run | undefined;

  constructor(deps: FencingDeps, times: FencingTimes = FENCING_TIMES) {
    this.#deps = deps;
    this.#times = times;
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#run) return;
    const { cluster, desired, volumes } = this.#deps;
    const standings = new Standings(this.#deps, this.#times);
    const copies = new Copies({ ...this.#deps, standing: (nodeId) => standings.of(nodeId) }, this.#times);
    const unsubscribe = cluster.subscribe((event) => this.#onEvent(event));
    const unfollow = desired.subscribe((change) => this.#onRecord(change));
    const end = (): void => {
      unsubscribe();
      unfollow();
      standings.close();
    };
    this.#run = { copies, stop: sharedStop(), end };
    volumes.start();
    for (const node of cluster.healthyNodes()) this.#look(node, 0);
  }

  /** Resolves when nothing is under way any more; the next start goes on from the records. Idempotent. */
  async stop(): Promise<void> {
    this.#run?.end();
    this.#run?.stop.abort(new Error('copies are not fenced here any more'));
    this.#run = undefined;
    this.#problems.clear();
    await this.#deps.volumes.stop();
    await Promise.all(this.#working.values());
  }

  /** For `docker info`: copies that must not run and cannot be ended. */
  problems(): readonly string[] {
    return [...this.#problems].map(([nodeId, problem]) => {
      const name = this.#deps.cluster.node(nodeId)?.name ?? nodeId;
      return `WARNING: node ${name}: ${problem}`;
    });
  }

  async reached(node: Node, signal: AbortSignal): Promise<void> {
    this.#reachedMs.set(node.id, this.#deps.clock.elapsed());
    await this.#guarded(node, async ({ copies, stop }) => {
      await copies.settle(node, AbortSignal.any([signal, stop.signal]));
    });
  }

  async listed(node: Node, signal: AbortSignal): Promise<void> {
    await this.#guarded(node, async ({ copies, stop }) => {
      const ended = AbortSignal.any([signal, stop.signal]);
      await copies.learn(node, this.#reachedMs.get(node.id) ?? 0, ended);
      await copies.settle(node, ended);
    });
  }

  /** Rejects with what holds the node up, for as long as there is patience with it. */
  async #guarded(node: Node, work: (run: Run) => Promise<void>): Promise<void> {
    const run = this.#run;
    if (!run) return;
    const { clock } = this.#deps;
    try {
      await work(run);
      this.#solved(node);
    } catch (error) {
      if (run.stop.signal.aborted) return;
      const sinceMs = this.#heldSince.get(node.id) ?? clock.elapsed();
      this.#heldSince.set(node.id, sinceMs);
      if (clock.elapsed() - sinceMs < this.#times.patienceMs) throw error;
      this.#failed(node, error);
    }
  }

  #onEvent(event: ClusterEvent): void {
    if (event.kind === 'node-state' && event.to === 'Healthy') this.#look(event.node, 0);
    if (event.kind !== 'node-removed') return;
    const { id } = event.node;
    for (const kept of [this.#heldSince, this.#reachedMs, this.#problems]) kept.delete(id);
  }

  #onRecord({ before, after }: RecordChanged): void {
    const { cluster } = this.#deps;
    const known = new Set(before?.stale?.map(({ attempt }) => attempt));
    for (const { nodeId, attempt } of after?.stale ?? []) {
      const node = known.has(attempt) ? undefined : cluster.node(nodeId);
      if (node?.isHealthy) this.#look(node, this.#times.ownEndMs);
    }
    // It came back in the moment in which its loss was acted upon.
    const { move, current, owedStop } = after ?? {};
    const isNew = (move?.how === 'replace' && !before?.move) || (owedStop && !before?.owedStop);
    const from = isNew ? cluster.node(current?.nodeId ?? '') : undefined;
    if (from?.isHealthy) this.#look(from, this.#times.lookMs);
  }

  /** Looks after a healthy node until nothing is left to be done there; one worker for each node. */
  #look(node: Node, delayMs: number): void {
    const run = this.#run;
    const { id } = node;
    if (!run || this.#working.has(id) || !this.#isConcerned(id)) return;
    const work = this.#work(node, run, delayMs)
      .catch((error: unknown) => {
        if (!run.stop.signal.aborted)
          this.#deps.logger.error({ node: node.name, reason: reasonOf(error) }, 'copies on a node are not fenced');
      })
      .finally(() => this.#working.delete(id));
    this.#working.set(id, work);
  }

  #isConcerned(nodeId: string): boolean {
    const { index } = this.#deps.desired;
    return (
      index.staleOn(nodeId).length > 0 ||
      index.owingOn(nodeId).length > 0 ||
      [...index.moving].some(({ current, move }) => current.nodeId === nodeId && move?.how === 'replace')
    );
  }

  async #work(node: Node, { copies, stop }: Run, delayMs: number): Promise<void> {
    const { clock } = this.#deps;
    const { lookMs } = this.#times;
    const { signal } = stop;
    await clock.sleep(delayMs, signal);
    for (let failures = 0; node.isHealthy && this.#isConcerned(node.id); ) {
      try {
        await copies.learn(node, this.#reachedMs.get(node.id) ?? 0, signal);
        await copies.settle(node, signal);
        this.#solved(node);
        failures = 0;
      } catch (error) {
        signal.throwIfAborted();
        failures += 1;
        if (node.isHealthy) this.#failed(node, error);
      }
      if (!this.#isConcerned(node.id)) return;
      await clock.sleep(failures === 0 ? lookMs : backoffMs(failures, { baseMs: lookMs, maxMs: 15 * lookMs }), signal);
    }
  }

  #solved({ id }: Node): void {
    this.#heldSince.delete(id);
    this.#problems.delete(id);
  }

  /** Said once for each reason, and for as long as it is so. */
  #failed({ id, name }: Node, error: unknown): void {
    const reason = reasonOf(error);
    if (this.#problems.get(id) !== reason)
      this.#deps.logger.warn({ node: name, reason }, 'a copy must not run, and may');
    this.#problems.set(id, reason);
  }
}
