import type { Cluster } from '../cluster/cluster.ts';
import type { Removed } from '../cluster/cluster-deps.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import { MOVE_LABEL } from '../cluster/moves.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { Logger } from '../common/logger.ts';
import { type AttemptMark, type Attempts, readAttempt } from '../desired/attempts.ts';
import type { DesiredState, RecordChanged } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { ContainerSummary } from '../engine/types.ts';
import { removeUnstarted } from './on-node.ts';
import type { Recorder } from './recorder.ts';
import { Strangers } from './strangers.ts';

export interface OpenCreatesDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly recorder: Recorder;
  /** What clients removed while its node was away: others see to that. */
  readonly tombstones: Removed;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** News of one node are gathered for so long before it is surveyed, and the pause after a survey that failed, in milliseconds. */
const GATHER_MS = 500;
const RETRY_MS = 5_000;
const CALL_MS = 20_000;

/** A container that an engine lists with a mark. */
interface Marked {
  readonly summary: ContainerSummary;
  readonly label: string;
  readonly mark: AttemptMark;
}

/**
 * Resolves creates that were interrupted: by the end of the manager that made them, or because their engine's answer was not heard. Their
 * clients had no answer. So a container that was made and never started is removed, and its record goes; one that somebody has
 * started since is kept. The node decides: while it is away, the record stays and holds its name.
 *
 * A container whose mark no record knows is removed only if it was made for this very state and never started. Every other one is left
 * alone, and told.
 */
export class OpenCreates {
  readonly #deps: OpenCreatesDeps;
  readonly #strangers: Strangers;
  readonly #surveying = new Map<Node, Promise<void>>();
  /** Nodes of which there is news since their survey began. */
  readonly #again = new Set<Node>();
  #stop: AbortController | undefined;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: OpenCreatesDeps) {
    this.#deps = deps;
    this.#strangers = new Strangers(deps.logger);
  }

  /** Begins with the nodes that are healthy by now. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const { attempts, cluster, desired, recorder } = this.#deps;
    attempts.areResolvedHere = true;
    const ends = [
      cluster.subscribe((event) => this.#onEvent(event)),
      desired.subscribe((change) => this.#onRecord(change)),
    ];
    this.#unsubscribe = () => {
      for (const end of ends) end();
    };
    recorder.onDoubt = (nodeId) => this.#survey(cluster.node(nodeId));
    for (const node of cluster.healthyNodes()) this.#survey(node);
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#unsubscribe();
    this.#deps.attempts.areResolvedHere = false;
    this.#deps.recorder.onDoubt = () => undefined;
    this.#stop?.abort(new Error('creates are not resolved here any more'));
    this.#stop = undefined;
    this.#again.clear();
    await Promise.all(this.#surveying.values());
  }

  /** What a person should know, for `docker info`. */
  problems(): readonly string[] {
    return this.#strangers.problems();
  }

  #onEvent(event: ClusterEvent): void {
    const { node } = event;
    if (event.kind === 'node-state' && event.to === 'Healthy') return this.#survey(node);
    if (event.kind === 'node-removed') return this.#strangers.forget(node);
    if (event.kind !== 'engine-event' || event.event.Type !== 'container' || event.event.Action !== 'create') return;
    const mark = readAttempt(event.event.Actor.Attributes?.[ATTEMPT_LABEL]);
    // An engine goes on with a create whose client has left.
    if (mark && !this.#isKnown(mark)) this.#survey(node);
  }

  /** A move is over of whose successor nobody knew: its engine may have made it while the record still spoke of it. */
  #onRecord({ before, after }: RecordChanged): void {
    const to = before?.move?.to;
    if (!to || to.engineId !== undefined || after?.move?.to.attempt === to.attempt) return;
    if (!this.#isKnown(to)) this.#survey(this.#deps.cluster.node(to.nodeId));
  }

  #survey(node: Node | undefined): void {
    if (!node || !this.#stop) return;
    if (this.#surveying.has(node)) {
      this.#again.add(node);
      return;
    }
    const work = this.#surveySoon(node, GATHER_MS, this.#stop.signal).finally(() => {
      this.#surveying.delete(node);
      if (this.#again.delete(node)) this.#survey(node);
    });
    this.#surveying.set(node, work);
  }

  /** Never rejects. */
  async #surveySoon(node: Node, firstMs: number, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    for (let waitMs = firstMs; ; waitMs = RETRY_MS) {
      try {
        await clock.sleep(waitMs, signal);
        // A node that is lost is surveyed when it is back.
        if (node.isHealthy) await this.#resolve(node, signal);
        return;
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ node: node.name, reason: reasonOf(error) }, 'interrupted creates are not resolved yet');
      }
    }
  }

  async #resolve(node: Node, signal: AbortSignal): Promise<void> {
    const { id } = node;
    const open = this.#deps.desired.index.onNode(id).filter((record) => this.#isOpen(record));
    const listed = await listMarked(node, signal);
    // Another engine may answer at its address by now.
    if (node.id !== id) return;
    const ours = new Map(
      listed.filter(({ mark }) => this.#deps.attempts.isOurs(mark)).map((each) => [each.mark.attempt, each]),
    );
    for (const record of open) {
      const found = ours.get(record.current.attempt)?.summary;
      await this.#settle(node, record, found);
      // Its engine may have made it since it listed.
      if (!found) this.#again.add(node);
    }
    const strange: ContainerSummary[] = [];
    for (const each of listed) if (await this.#isStrange(node, each, signal)) strange.push(each.summary);
    this.#strangers.set(node, strange);
    this.#deps.logger.debug({ node: node.name }, 'no create is left interrupted');
  }

  #isOpen({ current }: ContainerRecord): boolean {
    return current.engineId === undefined && !this.#deps.attempts.isUnderWay(current.attempt);
  }

  async #settle(node: Node, record: ContainerRecord, found: ContainerSummary | undefined): Promise<void> {
    const { desired, recorder, logger } = this.#deps;
    const fields = { node: node.name, container: record.name };
    if (found && found.State !== 'created') {
      const { Id, State } = found;
      await desired.change(record.key, (each) => ({
        ...each,
        id: Id,
        current: { ...each.current, engineId: Id },
        wanted: State === 'running' ? 'running' : each.wanted,
      }));
      logger.info(fields, 'a create that was interrupted is complete: its container was started meanwhile');
      return;
    }
    if (found) await removeUnstarted(node, found.Id);
    await recorder.forget(record);
    logger.info(fields, 'a create that was interrupted is undone');
  }

  /** Whether a container is to be told of; one that was made for nobody is removed. */
  async #isStrange(node: Node, { summary, label, mark }: Marked, signal: AbortSignal): Promise<boolean> {
    const { desired, attempts, tombstones } = this.#deps;
    const { Id, State, Labels } = summary;
    if (desired.index.byEngineId(Id) || tombstones.has(Id) || this.#isKnown(mark)) return false;
    // Containers that were made anew together are seen to by those who did it.
    if (Labels?.[MOVE_LABEL]) return false;
    if (!attempts.isOurs(mark)) return true;
    if (State !== 'created') return this.#admit(node, Id, mark);
    if (await isInherited(node, Id, label, signal)) return !(await this.#admit(node, Id, mark));
    await removeUnstarted(node, Id);
    this.#deps.logger.info({ node: node.name, id: Id }, 'a container was removed that an interrupted create had made');
    return false;
  }

  /** It stays, so it is shown. */
  async #admit(node: Node, engineId: string, { attempt }: AttemptMark): Promise<true> {
    this.#deps.attempts.admit(attempt);
    if (node.hidden.has(engineId)) await node.refreshContainers([engineId]);
    return true;
  }

  #isKnown({ attempt }: Pick<AttemptMark, 'attempt'>): boolean {
    return this.#deps.attempts.isUnderWay(attempt) || this.#deps.desired.index.byAttempt(attempt) !== undefined;
  }
}

async function listMarked(node: Node, signal: AbortSignal): Promise<readonly Marked[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [node.attemptLabel] }));
  const path = `/containers/json?all=1&filters=${filters}`;
  const listed = await askEngine(node.client, { method: 'GET', path, signal, timeoutMs: CALL_MS }, ANSWERS.containers);
  return listed.flatMap((summary) => {
    const label = summary.Labels?.[node.attemptLabel];
    const mark = readAttempt(label);
    return mark && label !== undefined ? [{ summary, label, mark }] : [];
  });
}

interface Inspected {
  readonly Image?: string;
  readonly Config?: { readonly Labels?: Readonly<Record<string, string>> | null };
}

/** Whether the mark comes from the image: one that was committed at the engine, from a container with that mark. */
async function isInherited(node: Node, engineId: string, label: string, signal: AbortSignal): Promise<boolean> {
  const ask = (path: string): Promise<Inspected> =>
    node.client.json<Inspected>({ method: 'GET', path, signal, timeoutMs: CALL_MS }).catch((error: unknown) => {
      if (error instanceof EngineAnswerError && error.status === 404) return {};
      throw error;
    });
  const { Image } = await ask(`/containers/${engineId}/json`);
  if (!Image) return false;
  const image = await ask(`/images/${encodeURIComponent(Image)}/json`);
  return image.Config?.Labels?.[node.attemptLabel] === label;
}
