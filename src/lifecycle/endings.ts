import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord, Ending } from '../desired/record.ts';
import { EngineAnswerError } from '../engine/exchange.ts';

export interface EndingsDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * An engine that is being stopped ends its containers first, and is missed some ten seconds later: an end counts as the container's own
 * when its node was healthy all this time afterwards, in milliseconds.
 */
const SETTLE_MS = 15_000;
const TICK_MS = 5_000;
const CALL_MS = 10_000;

/**
 * Records how containers ended by themselves: on an engine that stayed healthy, and with a restart policy that does not bring them back.
 * They have finished, and are not made anew when their node is lost. What an engine ended when it or its host went down is no such end.
 */
export class Endings {
  readonly #deps: EndingsDeps;
  /** When containers were seen to have ended, by node and key of their records. */
  readonly #seen = new Map<Node, Map<string, number>>();
  readonly #timer: Timer;
  #judging: Promise<void> = Promise.resolve();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: EndingsDeps) {
    this.#deps = deps;
    this.#timer = deps.clock.timer(() => this.#tick());
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const { cluster, desired } = this.#deps;
    const ends = [
      cluster.subscribe((event) => this.#onEvent(event)),
      desired.subscribe(({ after }) => this.#onRecord(after)),
    ];
    this.#unsubscribe = () => {
      for (const end of ends) end();
    };
    for (const node of this.#deps.cluster.healthyNodes()) this.#compare(node);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#timer.stop();
    this.#stop?.abort(new Error('ends of containers are not recorded here any more'));
    this.#stop = undefined;
    this.#seen.clear();
    await this.#judging;
  }

  #onEvent(event: ClusterEvent): void {
    const { node } = event;
    if (event.kind === 'node-removed') this.#seen.delete(node);
    else if (event.kind === 'node-state') {
      if (event.to === 'Healthy') this.#compare(node);
      else this.#seen.delete(node);
    } else if (event.kind === 'container-changed' || event.kind === 'container-added') {
      const { after } = event;
      const record = this.#recordOn(node, after.engineId);
      if (!record) return;
      if (hasEnded(after.state)) this.#note(node, record);
      else if (record.ended && after.state === 'running') this.#background(this.#forgetEnd(record));
    }
  }

  /** One that is to run from now on may have ended again already. */
  #onRecord(record: ContainerRecord | undefined): void {
    if (record?.wanted !== 'running' || record.ended || record.current.engineId === undefined) return;
    const node = this.#deps.cluster.node(record.current.nodeId);
    const container = node?.containers.get(record.current.engineId);
    if (node && container && hasEnded(container.state)) this.#note(node, record);
  }

  #compare(node: Node): void {
    for (const { engineId, state } of node.containers.values()) {
      const record = hasEnded(state) ? this.#recordOn(node, engineId) : undefined;
      if (record) this.#note(node, record);
    }
  }

  #recordOn(node: Node, engineId: string): ContainerRecord | undefined {
    const found = this.#deps.desired.index.byEngineId(engineId);
    return found?.role === 'current' && found.copy.nodeId === node.id ? found.record : undefined;
  }

  #note(node: Node, { key, wanted, ended }: ContainerRecord): void {
    if (!this.#stop || ended || (wanted !== 'running' && wanted !== 'paused') || !node.isHealthy) return;
    const seen = this.#seen.get(node) ?? new Map<string, number>();
    if (!seen.has(key)) seen.set(key, this.#deps.clock.elapsed());
    if (this.#seen.size === 0) this.#timer.start(TICK_MS);
    this.#seen.set(node, seen);
  }

  #tick(): void {
    const now = this.#deps.clock.elapsed();
    const signal = this.#stop?.signal;
    if (!signal) return;
    for (const [node, seen] of this.#seen) {
      const due = [...seen].flatMap(([key, sinceMs]) => (now - sinceMs >= SETTLE_MS ? key : []));
      for (const key of due) seen.delete(key);
      if (seen.size === 0) this.#seen.delete(node);
      if (due.length > 0) this.#background(this.#judge(node, due, signal));
    }
    if (this.#seen.size > 0) this.#timer.start(TICK_MS);
  }

  async #judge(node: Node, keys: readonly string[], signal: AbortSignal): Promise<void> {
    const startedMs = await engineStart(node, signal);
    for (const key of keys) {
      const record = this.#deps.desired.get(key);
      const engineId = record?.current.engineId;
      if (!record || engineId === undefined || record.current.nodeId !== node.id || !node.isHealthy) continue;
      const ending = await endOf(node, engineId, signal);
      if (!ending || ending.atMs < startedMs || isBroughtBack(record, ending)) continue;
      const after = await this.#deps.desired.change(key, (each) => {
        const isSame = each.current.engineId === engineId && !each.move && each.wanted === record.wanted;
        return isSame ? { ...each, ended: ending } : each;
      });
      if (after?.ended !== ending) continue;
      this.#deps.logger.debug({ node: node.name, container: record.name }, 'a container has finished');
    }
  }

  /** Somebody started it at its engine. */
  async #forgetEnd(record: ContainerRecord): Promise<void> {
    await this.#deps.desired.change(record.key, ({ ended: _, ...each }) => each);
  }

  #background(work: Promise<void>): void {
    const done = work.catch((error: unknown) => {
      if (this.#stop) this.#deps.logger.warn({ reason: reasonOf(error) }, 'the end of a container was not recorded');
    });
    this.#judging = Promise.all([this.#judging, done]).then(() => undefined);
  }
}

function hasEnded(state: string): boolean {
  return state === 'exited' || state === 'dead';
}

/** Of strict containers the engine knows no restart policy: they are started again by others. */
function isBroughtBack({ terms: { isStrict, restart } }: ContainerRecord, { exitCode }: Ending): boolean {
  if (!isStrict) return false;
  return restart === 'always' || restart === 'unless-stopped' || (restart.startsWith('on-failure') && exitCode !== 0);
}

/** When the engine was started: it makes its bridge anew then (moby `daemon/daemon_unix.go`). 0 when it does not tell. */
async function engineStart(node: Node, signal: AbortSignal): Promise<number> {
  const { Created = '' } = await node.client.json<{ readonly Created?: string }>({
    method: 'GET',
    path: '/networks/bridge',
    signal,
    timeoutMs: CALL_MS,
  });
  return Date.parse(Created) || 0;
}

/** How a container that does not run has ended; undefined when it runs, or is gone. */
async function endOf(node: Node, engineId: string, signal: AbortSignal): Promise<Ending | undefined> {
  type Inspected = {
    readonly State?: {
      readonly Running?: boolean;
      readonly Restarting?: boolean;
      readonly ExitCode?: number;
      readonly FinishedAt?: string;
    };
  };
  const path = `/containers/${engineId}/json`;
  try {
    const { State } = await node.client.json<Inspected>({ method: 'GET', path, signal, timeoutMs: CALL_MS });
    if (!State || State.Running || State.Restarting) return undefined;
    return { exitCode: State.ExitCode ?? 0, atMs: Date.parse(State.FinishedAt ?? '') || 0 };
  } catch (error) {
    if (error instanceof EngineAnswerError && error.status === 404) return undefined;
    throw error;
  }
}
