import type { Container } from '../cluster/container.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import { sharedStop } from '../common/abort.ts';
import { ConflictError, NotFoundError, reasonOf } from '../common/errors.ts';
import type { ContainerRecord, Copy } from '../desired/record.ts';
import type { ProvisionalDeps } from './deps.ts';
import { endStale } from './move-copy.ts';
import { MoveMember } from './move-member.ts';
import { ManagerStops, type MoveDeps, type MoveOrder, type MovingKey, outdated } from './move-order.ts';
import { movingWith, resolveMove } from './move-resolve.ts';
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
    const { signal } = this.#stop;
    const open = [...this.#deps.desired.index.moving];
    // Those that move as one are resolved as one.
    const firsts = open.filter((record) => movingWith(this.#deps, record)[0]?.key === record.key);
    this.#resolving = Promise.all(firsts.map((record) => this.#resolveLeft(record, signal))).then(() => undefined);
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
    const [moved] = await this.moveTogether([{ key, generation: order.generation }], order, signal);
    if (!moved) throw new NotFoundError('the container to move is gone', 'MOVE_OUTDATED');
    return moved;
  }

  /**
   * As {@link move}, for containers that share volumes on one node: all of them are moved, or none.
   *
   * @param members in the order in which they need each other
   */
  async moveTogether(
    members: readonly MovingKey[],
    order: Omit<MoveOrder, 'generation'>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerRecord[]> {
    const { desired, traffic } = this.#deps;
    const records = members.map(({ key }) => {
      const record = desired.get(key);
      if (!record) throw new NotFoundError('the container to move is gone', 'MOVE_OUTDATED');
      if (this.#underWay.has(key) || this.#wishes.has(key))
        throw new ConflictError(`${record.name} is being changed`, 'MOVE_BUSY');
      return record;
    });
    const stop = new AbortController();
    const names = records.flatMap(({ name, id = '' }): Key[] => [`moving ${name}`, `moving ${id}`]);
    const unlock = traffic.lock(names);
    const ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
    const work = this.#run(records, members, order, ended);
    const done = work.then(noop, noop);
    for (const { key } of members) this.#underWay.set(key, { stop, done });
    try {
      return await work;
    } finally {
      for (const { key } of members) this.#underWay.delete(key);
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

  async #run(
    found: readonly ContainerRecord[],
    members: readonly MovingKey[],
    order: Omit<MoveOrder, 'generation'>,
    signal: AbortSignal,
  ): Promise<readonly ContainerRecord[]> {
    for (const record of found) if (record.move) await resolveMove(this.#deps, record);
    const records = found.map((before, index) => {
      const record = this.#deps.desired.get(before.key);
      const { generation } = members[index] ?? {};
      if (!record || record.move || record.current.generation !== generation || record.id === undefined)
        throw outdated(before);
      return record;
    });
    // What must never run twice has no overlap either.
    const isStrict = records.some(({ terms }) => terms.isStrict) && order.how === 'start-first';
    const how = isStrict ? 'stop-first' : order.how;
    const moving = await Promise.all(records.map((record) => MoveMember.of(this.#deps, record, order, signal)));
    const steps = new MoveSteps(this.#deps, moving as [MoveMember, ...MoveMember[]], { ...order, how }, signal);
    const moved = await steps.run();
    for (const [index, after] of moved.entries()) this.#tell(after, records[index]?.current, how, order.why);
    void this.#endOld(moved, records); // Never rejects.
    return moved;
  }

  #tell({ name, current }: ContainerRecord, old: Copy | undefined, how: string, why: string): void {
    const { cluster, logger } = this.#deps;
    const [from, to] = [old, current].map((copy) => cluster.node(copy?.nodeId ?? '')?.name ?? copy?.nodeId);
    logger.info({ container: name, from, to, how, why }, 'container moved');
  }

  /** Those that need others first. */
  async #endOld(moved: readonly ContainerRecord[], before: readonly ContainerRecord[]): Promise<void> {
    for (const [index, { current }] of [...before.entries()].reverse())
      await endStale(this.#deps, moved[index] as ContainerRecord, current);
  }

  /** A move that was open at the start: resolved when both its nodes were tried, or after a while. Never rejects. */
  async #resolveLeft(record: ContainerRecord, signal: AbortSignal): Promise<void> {
    const { desired, logger } = this.#deps;
    const ids = [record.current.nodeId, record.move?.to.nodeId ?? ''];
    try {
      await this.#untilTried(ids, signal);
      const current = desired.get(record.key);
      const keys = movingWith(this.#deps, record).map(({ key }) => key);
      const isUnderWay = keys.some((key) => this.#underWay.has(key));
      if (current?.move?.to.attempt !== record.move?.to.attempt || isUnderWay) return;
      const work = resolveMove(this.#deps, current as ContainerRecord);
      const underWay = { stop: new AbortController(), done: work.then(noop, noop) };
      for (const key of keys) this.#underWay.set(key, underWay);
      await work.finally(() => {
        for (const key of keys) this.#underWay.delete(key);
      });
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
