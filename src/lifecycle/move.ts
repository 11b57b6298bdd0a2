import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import { sharedStop } from '../common/abort.ts';
import { ConflictError, NotFoundError, reasonOf } from '../common/errors.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { ProvisionalDeps } from './deps.ts';
import { endStale } from './move-copy.ts';
import { MoveMember } from './move-member.ts';
import { ManagerStops, type MoveDeps, type MoveOrder, outdated } from './move-order.ts';
import { resolveMove } from './move-resolve.ts';
import { MoveSteps } from './move-steps.ts';
import type { Key } from './traffic.ts';

/** How long a successor without a health check runs before the old copy is ended, in milliseconds. */
const SETTLE_MS = 5_000;
/** How long an interrupted move waits after the manager's start until its nodes were tried, in milliseconds. */
const NODES_MS = 15_000;

/** A move under way. */
interface UnderWay {
  readonly stop: AbortController;
  /** Never rejects. */
  readonly done: Promise<unknown>;
}

/**
 * Moves the containers of records to other nodes, one move of a record at a time. What a client does to a container comes first: it ends
 * a move that is under way, and none begins meanwhile.
 */
export class Mover {
  readonly #deps: MoveDeps;
  readonly #underWay = new Map<string, UnderWay>();
  /** How many clients are changing the container of a record at the moment. */
  readonly #wishes = new Map<string, number>();
  #resolving: Promise<void> = Promise.resolve();
  #stop: AbortController | undefined;

  constructor(deps: ProvisionalDeps, settleMs: number = SETTLE_MS) {
    this.#deps = { ...deps, settleMs };
  }

  /** Resolves the moves that another manager left open. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    const open = [...this.#deps.desired.index.moving];
    const { signal } = this.#stop;
    this.#resolving = Promise.all(open.map((record) => this.#resolveLeft(record, signal))).then(() => undefined);
  }

  /** Leaves what is under way to the next start; resolves when nothing is. Idempotent. */
  async stop(): Promise<void> {
    const reason = new ManagerStops('containers are not moved here any more');
    this.#stop?.abort(reason);
    this.#stop = undefined;
    for (const { stop } of this.#underWay.values()) stop.abort(reason);
    await Promise.all([this.#resolving, ...[...this.#underWay.values()].map(({ done }) => done)]);
  }

  /** False when what fails may fail because the manager stops, and is resolved at the next start. */
  get isOn(): boolean {
    return this.#stop !== undefined;
  }

  /** Whether a record's container is being moved. */
  isMoving(key: string): boolean {
    return this.#underWay.has(key);
  }

  /**
   * Makes a record's container anew on another node and shows it there. Resolves with the record once that is done; the old copy is
   * stopped and removed in the background where it can be reached. Rejects when the container is where it was: 409 with the code
   * `MOVE_OUTDATED` when the order presumes what is not so any more, `MOVE_BUSY` while the container is being changed, else with what failed.
   */
  async move(key: string, order: MoveOrder, signal?: AbortSignal): Promise<ContainerRecord> {
    const record = this.#deps.desired.get(key);
    if (!record) throw new NotFoundError('the container to move is gone', 'MOVE_OUTDATED');
    if (this.#underWay.has(key) || this.#wishes.has(key))
      throw new ConflictError(`${record.name} is being changed`, 'MOVE_BUSY');
    const stop = new AbortController();
    const names = [record.name, record.id ?? ''].map((name): Key => `moving ${name}`);
    const unlock = this.#deps.traffic.lock(names);
    const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const work = this.#run(record, order, ended);
    const done = work.then(noop, noop);
    this.#underWay.set(key, { stop, done });
    try {
      return await work;
    } finally {
      this.#underWay.delete(key);
      unlock();
    }
  }

  /**
   * A client is about to change a container: a move of it is given up, or has been made, when this resolves with the container as it is
   * then. No move of it begins before `end` is called.
   */
  async holdOff(meant: Container): Promise<{ readonly container: Container; readonly end: () => void }> {
    const { desired, cluster } = this.#deps;
    const key = desired.index.byId(meant.id)?.key;
    if (key === undefined) return { container: meant, end: noop };
    this.#wishes.set(key, (this.#wishes.get(key) ?? 0) + 1);
    const end = (): void => {
      const left = (this.#wishes.get(key) ?? 1) - 1;
      if (left === 0) this.#wishes.delete(key);
      else this.#wishes.set(key, left);
    };
    const underWay = this.#underWay.get(key);
    if (!underWay) return { container: meant, end };
    underWay.stop.abort(new ConflictError('a client changes the container', 'MOVE_SUPERSEDED'));
    await underWay.done;
    return { container: cluster.findContainer(meant.id) ?? meant, end };
  }

  async #run(found: ContainerRecord, order: MoveOrder, signal: AbortSignal): Promise<ContainerRecord> {
    const record = found.move ? await resolveMove(this.#deps, found) : found;
    if (!record || record.move || record.current.generation !== order.generation || record.id === undefined)
      throw outdated(found);
    const old = record.current;
    // What must never run twice has no overlap either.
    const how = record.terms.isStrict && order.how === 'start-first' ? 'stop-first' : order.how;
    const member = await MoveMember.of(this.#deps, record, order, signal);
    const moved = await new MoveSteps(this.#deps, member, { ...order, how }, signal).run();
    const { cluster, logger } = this.#deps;
    const [from, to] = [old, moved.current].map(({ nodeId }) => cluster.node(nodeId)?.name ?? nodeId);
    logger.info({ container: moved.name, from, to, how, why: order.why }, 'container moved');
    void endStale(this.#deps, moved, old); // Never rejects.
    return moved;
  }

  /** A move that was open at the start: resolved when both its nodes were tried, or after a while. Never rejects. */
  async #resolveLeft(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { desired, logger } = this.#deps;
    const ids = [record.current.nodeId, record.move?.to.nodeId ?? ''];
    try {
      await this.#untilTried(ids, signal);
      const current = desired.get(record.key);
      if (current?.move?.to.attempt !== record.move?.to.attempt || this.#underWay.has(record.key)) return;
      const work = resolveMove(this.#deps, current as ContainerRecord);
      this.#underWay.set(record.key, { stop: new AbortController(), done: work.then(noop, noop) });
      await work.finally(() => this.#underWay.delete(record.key));
    } catch (error) {
      if (!signal.aborted)
        logger.warn({ container: record.name, reason: reasonOf(error) }, 'an interrupted move is not resolved yet');
    }
  }

  /** Resolves when it is known of all these nodes whether they answer, or after a while. Rejects when the signal is aborted. */
  async #untilTried(ids: readonly string[], signal: AbortSignal): Promise<void> {
    const { cluster, clock } = this.#deps;
    const areTried = (): boolean => ids.every((id) => (cluster.node(id)?.state ?? 'Pending') !== 'Pending');
    if (areTried()) return;
    const arrived = new AbortController();
    const unsubscribe = cluster.subscribe((event: ClusterEvent) => {
      if (event.kind === 'node-state' && areTried()) arrived.abort();
    });
    try {
      await clock.sleep(NODES_MS, AbortSignal.any([signal, arrived.signal])).catch(noop);
      signal.throwIfAborted();
    } finally {
      unsubscribe();
    }
  }
}

function noop(): void {
  // Nothing to do.
}
