import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Attempts } from '../desired/attempts.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord, Copy, OpenMove } from '../desired/record.ts';
import type { RecordedCopy } from '../desired/record-index.ts';
import { givenBack, takenOver, withEngineId, withoutOwedStop, withoutStale } from './edits.ts';
import { type CopyFacts, endCopy, inspectCopy, markedContainers, removeCopy, startCopy } from './engine-copy.ts';
import type { VolumeKeeper } from './kept-volumes.ts';
import type { FencingTimes } from './times.ts';
import { type Standing, verdictOf } from './verdict.ts';

/** Copies of one node that are worked on at once. */
const AT_ONCE = 16;
export interface CopiesDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly volumes: VolumeKeeper;
  /** How the node of an engine's ID is. */
  readonly standing: (nodeId: string) => Standing;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Brings the copies on one node in line with the records, each from what the record and the engines say at that moment. */
export class Copies {
  readonly #deps: CopiesDeps;
  readonly #times: FencingTimes;

  constructor(deps: CopiesDeps, times: FencingTimes) {
    this.#deps = deps;
    this.#times = times;
  }

  /**
   * Gives containers back to the node whose successors are not there yet, stops what clients stopped meanwhile, and ends the stale copies
   * whose IDs are known. Resolves with whether nothing is left to be decided; rejects with the first failure when all were tried.
   */
  async settle(node: Node, signal: AbortSignal): Promise<boolean> {
    const { index } = this.#deps.desired;
    const [decided] = await all([
      this.#settleMoved(node, signal),
      each(index.owingOn(node.id), (record) => this.#stop(node, record, signal)),
    ]);
    return decided;
  }

  async #settleMoved(node: Node, signal: AbortSignal): Promise<boolean> {
    const { index } = this.#deps.desired;
    const isFrom = ({ current, move }: ContainerRecord): boolean =>
      current.nodeId === node.id && move?.how === 'replace';
    const moving = [...index.moving].filter(isFrom);
    await each(moving, (record) => this.#giveBack(node, record, signal));
    const decided = await each(index.staleOn(node.id), (stale) => this.#settleStale(node, stale, signal));
    return !decided.includes(false);
  }

  /** Finds stale copies whose IDs were never learnt by their labels; one that is not there for long enough is forgotten. */
  async learn(node: Node, reachedMs: number, signal: AbortSignal): Promise<boolean> {
    const { desired, attempts, clock } = this.#deps;
    const unlearnt = (): readonly RecordedCopy[] =>
      desired.index.staleOn(node.id).filter(({ copy }) => copy.engineId === undefined);
    if (unlearnt().length === 0) return true;
    const marked = await markedContainers(node, signal);
    const found = new Map(
      marked.flatMap(({ engineId, mark }) => (attempts.isOurs(mark) ? [[mark.attempt, engineId]] : [])),
    );
    for (const { record, copy } of unlearnt()) {
      const engineId = found.get(copy.attempt);
      if (engineId !== undefined) await desired.change(record.key, (now) => withEngineId(now, copy.attempt, engineId));
      else if (clock.elapsed() - reachedMs >= this.#times.lateMs)
        await desired.change(record.key, (now) => withoutStale(now, copy.attempt));
    }
    return unlearnt().length === 0;
  }

  /** The old copy is there again before its successor runs: it stays the container. */
  async #giveBack(node: Node, { key }: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { desired, logger } = this.#deps;
    const record = desired.get(key);
    const { move, current } = record ?? {};
    if (!record || !move || current?.nodeId !== node.id || current.engineId === undefined) return;
    const old = await inspectCopy(node, current.engineId, signal);
    if (!old) return; // It went with its node's data: the move goes on.
    // It may run there; whoever finishes interrupted moves knows when both nodes are reached.
    if (this.#deps.standing(move.to.nodeId) === 'doubtful') return;
    if (await this.#runs(move.to, signal)) await this.#untilDecided(record, move, signal);
    const after = await desired.change(key, (now) => givenBack(now, move.to.attempt));
    if (after?.current.attempt === current.attempt)
      logger.info({ container: record.name, node: node.name }, 'its node is back before it was moved: it stays there');
  }

  /** A client stopped it while the node was away. */
  async #stop(node: Node, { key }: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { desired, logger } = this.#deps;
    const { name, current, owedStop } = desired.get(key) ?? {};
    if (!owedStop || current?.nodeId !== node.id || current.engineId === undefined) return;
    const facts = await inspectCopy(node, current.engineId, signal);
    // A client may have started it meanwhile.
    if (!desired.get(key)?.owedStop) return;
    try {
      const graceSeconds = owedStop.graceSeconds ?? facts?.graceSeconds ?? 0;
      if (facts?.isRunning) await endCopy(node, current.engineId, { graceSeconds }, signal);
    } catch (error) {
      throw new EngineError(`${name}, which was stopped, cannot be: ${reasonOf(error)}`, 'STOP_FAILED', error);
    }
    await desired.change(key, (now) => withoutOwedStop(now, current.attempt));
    if (node.isHealthy) await node.refreshContainers([current.engineId]);
    logger.info({ container: name, node: node.name }, 'stopped, as a client asked while its node was away');
  }

  /** Whether nothing is left to be decided about a stale copy. */
  async #settleStale(node: Node, { record: { key }, copy }: RecordedCopy, signal: AbortSignal): Promise<boolean> {
    const { desired } = this.#deps;
    const { engineId, attempt } = copy;
    if (engineId === undefined) return false;
    const facts = await inspectCopy(node, engineId, signal);
    const record = desired.get(key);
    if (!record?.stale?.some((each) => each.attempt === attempt)) return true;
    if (!facts) {
      await desired.change(key, (now) => withoutStale(now, attempt));
      return true;
    }
    const verdict = await this.#judge(node, record, facts, signal);
    if (verdict === 'end') await this.#end(node, record, { ...copy, engineId }, facts, signal);
    if (verdict === 'take-over') await this.#takeOver(node, record, { ...copy, engineId }, facts, signal);
    return verdict !== 'wait';
  }

  async #judge(
    node: Node,
    record: ContainerRecord,
    facts: CopyFacts,
    signal: AbortSignal,
  ): Promise<ReturnType<typeof verdictOf>> {
    const { cluster, standing } = this.#deps;
    const { current, move, terms } = record;
    const holder = cluster.node(current.nodeId);
    const isAsked = terms.keepsOld && holder?.isHealthy && current.engineId !== undefined;
    const verdict = verdictOf({
      record,
      facts,
      standing: standing(current.nodeId),
      current: isAsked ? await inspectCopy(holder, current.engineId ?? '', signal) : undefined,
      skewMs: node.clockOffsetMs - (holder?.clockOffsetMs ?? 0),
    });
    return verdict === 'take-over' && move && (await this.#runs(move.to, signal)) ? 'wait' : verdict;
  }

  async #end(
    node: Node,
    { key, name }: ContainerRecord,
    { engineId, attempt }: Copy & { readonly engineId: string },
    facts: CopyFacts,
    signal: AbortSignal,
  ): Promise<void> {
    const { desired, volumes, logger } = this.#deps;
    try {
      await volumes.keep({ nodeId: node.id, engineId, volumes: facts.anonymousVolumes, container: name });
      if (facts.isRunning) await endCopy(node, engineId, facts, signal);
      await removeCopy(node, engineId, signal);
    } catch (error) {
      throw new EngineError(`an old copy of ${name} cannot be ended: ${reasonOf(error)}`, 'FENCE_FAILED', error);
    }
    await desired.change(key, (now) => withoutStale(now, attempt));
    logger.info({ container: name, node: node.name, id: engineId }, 'old copy ended: the container runs elsewhere');
  }

  async #takeOver(
    node: Node,
    record: ContainerRecord,
    copy: Copy & { readonly engineId: string },
    facts: CopyFacts,
    signal: AbortSignal,
  ): Promise<void> {
    const { desired, logger } = this.#deps;
    const after = await desired.change(record.key, (now) => takenOver(now, copy, record.current));
    if (after?.current.attempt !== copy.attempt) return;
    logger.info({ container: record.name, node: node.name }, 'its old copy is the container again');
    if (after.wanted === 'running' && !facts.isRunning) await startCopy(node, copy.engineId, signal);
    if (node.isHealthy) await node.refreshContainers([copy.engineId]);
  }

  /** Whether a copy is known to run. */
  async #runs({ nodeId, engineId }: Copy, signal: AbortSignal): Promise<boolean> {
    const node = this.#deps.cluster.node(nodeId);
    if (!node?.isHealthy || engineId === undefined) return false;
    const facts = await inspectCopy(node, engineId, signal).catch(() => undefined);
    signal.throwIfAborted();
    return facts?.isRunning === true;
  }

  /** Resolves when a move is over, or after a while. */
  async #untilDecided({ key }: ContainerRecord, { to }: OpenMove, signal: AbortSignal): Promise<void> {
    const { desired, clock } = this.#deps;
    const over = new AbortController();
    const isOpen = (): boolean => desired.get(key)?.move?.to.attempt === to.attempt;
    const unsubscribe = desired.subscribe(() => {
      if (!isOpen()) over.abort();
    });
    try {
      if (isOpen())
        await clock.sleep(this.#times.decisionMs, AbortSignal.any([over.signal, signal])).catch(() => undefined);
      signal.throwIfAborted();
    } finally {
      unsubscribe();
    }
  }
}

/** Works on all, a few at a time; rejects with the first failure when all were tried. */
async function each<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const limit = pLimit(AT_ONCE);
  return all(items.map((item) => limit(() => work(item))));
}

/** Like `Promise.all`, and nothing is under way any more when it rejects. */
async function all<T extends readonly unknown[]>(work: { readonly [K in keyof T]: Promise<T[K]> }): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work) as Promise<T>;
}
