import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { Recorder } from './recorder.ts';

export interface ObservedChangesDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Containers that go together are judged together; also the pause before a node that could not be asked is asked again. */
const GATHER_MS = 100;
const RETRY_MS = 5_000;
const CALL_MS = 10_000;
/** The clocks of engines are known to about this, in milliseconds. */
const CLOCK_TOLERANCE_MS = 2_000;

/**
 * Keeps records true to what engines did by themselves: a container that was renamed there has its new name, and one that is gone has no record any
 * more. It drops the records of containers that engines removed without having been asked by this manager: `--rm` at its end, a prune, a user of
 * the engine. An engine must say so itself, by its event or by not knowing the container while it is otherwise as it was:
 * a node that left, is lost, or lists badly keeps its records. Of a node whose data root is a new one they say so.
 */
export class ObservedChanges {
  readonly #deps: ObservedChangesDeps;
  /** Keys of records whose container a node does not show. */
  readonly #doubted = new Map<Node, Set<string>>();
  readonly #working = new Set<Promise<void>>();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: ObservedChangesDeps) {
    this.#deps = deps;
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    this.#unsubscribe = this.#deps.cluster.subscribe((event) => this.#onEvent(event));
    for (const node of this.#deps.cluster.healthyNodes()) this.#compare(node);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#stop?.abort(new Error('engines are not observed here any more'));
    this.#stop = undefined;
    this.#doubted.clear();
    await Promise.all(this.#working);
  }

  #onEvent(event: ClusterEvent): void {
    const { node } = event;
    if (event.kind === 'engine-event') {
      const { Type, Action, Actor } = event.event;
      if (Type === 'container' && Action === 'destroy') this.#destroyed(node, Actor.ID);
    } else if (event.kind === 'container-changed') {
      if (event.before.name !== event.after.name) this.#renamed(node, event.after);
    } else if (event.kind === 'container-removed') this.#doubt(node, this.#recordOn(node, event.before.engineId));
    else if (event.kind === 'node-state' && event.to === 'Healthy') this.#compare(node);
  }

  /** `id` is the one clients know, or the engine's own. */
  #destroyed(node: Node, id: string): void {
    const { index } = this.#deps.desired;
    const known = index.byId(id);
    const record = known?.current.nodeId === node.id ? known : this.#recordOn(node, id);
    // What could not be written down is tried again.
    if (record) this.#background(this.#drop(node, record).catch(() => this.#doubt(node, record)));
  }

  /** What was recorded of a node and is not listed there, now that everything was. */
  #compare(node: Node): void {
    for (const record of this.#deps.desired.index.onNode(node.id)) {
      const { engineId } = record.current;
      if (engineId === undefined) continue;
      const container = node.containers.get(engineId);
      if (container && record.dataLostMs !== undefined) this.#found(record);
      if (container) this.#renamed(node, container);
      else this.#doubt(node, record);
    }
  }

  /** A user of the engine may have done it, or a client whose manager was killed before it wrote that down. */
  #renamed(node: Node, { engineId, name }: Container): void {
    const record = this.#recordOn(node, engineId);
    if (!record || record.name === name) return;
    const renamed = this.#deps.desired.change(record.key, (each) =>
      each.current.engineId === engineId ? { ...each, name } : each,
    );
    this.#background(renamed.then(() => undefined));
  }

  #recordOn(node: Node, engineId: string): ContainerRecord | undefined {
    const found = this.#deps.desired.index.byEngineId(engineId);
    return found?.role === 'current' && found.copy.nodeId === node.id ? found.record : undefined;
  }

  #doubt(node: Node, record: ContainerRecord | undefined): void {
    if (!record || !node.isHealthy || !this.#stop) return;
    const doubted = this.#doubted.get(node);
    if (doubted) {
      doubted.add(record.key);
      return;
    }
    this.#doubted.set(node, new Set([record.key]));
    this.#background(this.#judgeSoon(node, GATHER_MS, this.#stop.signal));
  }

  async #judgeSoon(node: Node, waitMs: number, signal: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(waitMs, signal);
    const keys = this.#doubted.get(node) ?? new Set();
    this.#doubted.delete(node);
    const records = [...keys].flatMap((key) => this.#deps.desired.get(key) ?? []);
    try {
      if (records.length > 0) await this.#judge(node, records, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      this.#deps.logger.debug(
        { node: node.name, reason: reasonOf(error) },
        'missing containers could not be asked for',
      );
      // A node that is lost is compared when it is back.
      if (!node.isHealthy || this.#doubted.has(node)) return;
      this.#doubted.set(node, keys);
      await this.#judgeSoon(node, RETRY_MS, signal);
    }
  }

  async #judge(node: Node, records: readonly ContainerRecord[], signal: AbortSignal): Promise<void> {
    const facts = { method: 'GET', path: '/info', timeoutMs: CALL_MS, signal } as const;
    const info = await askEngine(node.client, facts, ANSWERS.info);
    // Another engine answers: nobody removed anything.
    if (info.ID !== node.info?.ID) return;
    // What a site's manager does not list may be on a node that left it, and come back.
    if (node.isSite && (info.Enxame?.Absent ?? 0) > 0)
      throw new EngineError(`${node.name} misses nodes that hold containers`);
    const isEmpty = !node.isSite && (info.Containers ?? 0) === 0 && (info.Images ?? 0) === 0;
    const bornMs = node.isSite ? Number.NaN : (await dataRootBornMs(node, signal)) - node.clockOffsetMs;
    for (const record of records) {
      const { engineId, nodeId } = record.current;
      if (nodeId !== node.id || !node.isHealthy || engineId === undefined) continue;
      const path = `/containers/${engineId}/json`;
      const answer = await node.client.request({ method: 'GET', path, timeoutMs: CALL_MS, signal });
      if (answer.statusCode !== 404 || nodeId !== node.id) continue;
      // The same engine over a new data root: nobody removed anything either.
      if (isEmpty || bornMs > (await this.#placedMs(record)) + CLOCK_TOLERANCE_MS) await this.#lose(node, record);
      else await this.#drop(node, record);
    }
  }

  /** When a container came to its node, in milliseconds since the epoch; for ever ago when that is not known. */
  async #placedMs({ key, arrived }: ContainerRecord): Promise<number> {
    if (arrived) return arrived.atMs;
    const body = await this.#deps.desired.body(key).catch(() => undefined); // Its record went meanwhile.
    return body?.createdMs ?? Number.POSITIVE_INFINITY;
  }

  /** It went with its node's data: others make it anew, but for one that had nothing more to do. */
  async #lose(node: Node, { key, name, current }: ContainerRecord): Promise<void> {
    const { desired, recorder, clock, logger } = this.#deps;
    const now = desired.get(key);
    if (!now || now.current.engineId !== current.engineId || now.dataLostMs !== undefined) return;
    const isOver = now.ended !== undefined || now.terms.isTransient === true;
    if (isOver) await recorder.forget(now);
    else
      await desired.change(key, (each) =>
        each.current.engineId === current.engineId ? { ...each, dataLostMs: clock.now() } : each,
      );
    logger.warn(
      { node: node.name, container: name },
      `a container is gone with the data of its node${isOver ? ', and had finished' : ''}`,
    );
  }

  /** Its node has its data again. */
  #found(record: ContainerRecord): void {
    const found = this.#deps.desired.change(record.key, ({ dataLostMs: _, ...each }) => each);
    this.#background(found.then(() => undefined));
  }

  async #drop(node: Node, record: ContainerRecord): Promise<void> {
    const now = this.#deps.desired.get(record.key);
    if (!now || now.current.engineId !== record.current.engineId || now.current.nodeId !== node.id) return;
    await this.#deps.recorder.forget(now);
    this.#deps.logger.debug({ node: node.name, container: now.name }, 'a container was removed at its engine');
  }

  #background(work: Promise<void>): void {
    const done = work
      .catch((error: unknown) => {
        if (this.#stop)
          this.#deps.logger.warn({ reason: reasonOf(error) }, 'what an engine did by itself could not be recorded');
      })
      .finally(() => this.#working.delete(done));
    this.#working.add(done);
  }
}

/**
 * When the engine's data root was begun, in milliseconds since the epoch: its network `none` is made then, and never again (seen with 20.10 to 28.5). NaN
 * when the engine does not say.
 */
async function dataRootBornMs(node: Node, signal: AbortSignal): Promise<number> {
  try {
    const request = { method: 'GET', path: '/networks/none', timeoutMs: CALL_MS, signal } as const;
    return Date.parse(String((await node.client.json<{ readonly Created?: unknown }>(request)).Created));
  } catch (error) {
    if (error instanceof EngineAnswerError) return Number.NaN;
    throw error;
  }
}
