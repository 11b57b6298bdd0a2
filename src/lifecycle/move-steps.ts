import { ConflictError, reasonOf } from '../common/errors.ts';
import { switched, undoing, undone, withCopied } from '../desired/move-edits.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';
import { isForPrimary } from '../kv/lease.ts';
import type { VolumeUser } from './carried-mounts.ts';
import type { MoveMember } from './move-member.ts';
import { ManagerStops, type MoveDeps, type MoveOrder, outdated } from './move-order.ts';
import { MoveVolumes } from './move-volumes.ts';
import type { Key } from './traffic.ts';

/**
 * One move from the durable word to the switch: of one record's container, or of several that share volumes. Of these each step is made for all before the
 * next one, and their records change in one write, so that they are where they were or all on the other node.
 */
export class MoveSteps {
  readonly #deps: MoveDeps;
  readonly #members: readonly [MoveMember, ...MoveMember[]];
  readonly #order: Omit<MoveOrder, 'generation'>;
  readonly #signal: AbortSignal;
  #volumes: MoveVolumes | undefined;

  /** @param members in the order in which they need each other */
  constructor(
    deps: MoveDeps,
    members: readonly [MoveMember, ...MoveMember[]],
    order: Omit<MoveOrder, 'generation'>,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.#members = members;
    this.#order = order;
    this.#signal = signal;
  }

  /** Resolves with the records once clients are shown the successors. Rejects when the containers are where they were. */
  async run(): Promise<readonly ContainerRecord[]> {
    this.#volumes = await this.#findVolumes();
    const unlock = this.#lockVolumes();
    let isDone = false;
    try {
      for (const member of this.#members) member.reserve();
      const records = await this.#carryOut();
      isDone = true;
      return records;
    } finally {
      for (const member of this.#members) member.release(isDone);
      unlock();
    }
  }

  async #carryOut(): Promise<readonly ContainerRecord[]> {
    try {
      await this.#open();
      await this.#prepare();
      await this.#create();
      await this.#fillVolumes();
      await this.#bringUp();
      await this.#volumes?.commit();
      return await this.#switch();
    } catch (error) {
      if (!(this.#signal.reason instanceof ManagerStops)) await this.#undo();
      throw error;
    }
  }

  /** What goes with them from a node that answers. */
  async #findVolumes(): Promise<MoveVolumes | undefined> {
    const { carries, how } = this.#order;
    const [{ record, node, reachableOld: from }] = this.#members;
    if (!carries || how === 'replace') return undefined;
    if (!from)
      throw new ConflictError(`${record.name} stays: its node does not answer, and has its data`, 'MOVE_REFUSED');
    const users = this.#members.map(({ record, spec }) => ({ record, spec })) as [VolumeUser, ...VolumeUser[]];
    return await MoveVolumes.find(this.#deps, { ...carries, users, from, to: node }, this.#signal);
  }

  /** No container is created on the volumes until they have a home again. */
  #lockVolumes(): () => void {
    const { traffic } = this.#deps;
    const keys = (this.#volumes?.names ?? []).map((name): Key => `volume ${name}`);
    if (traffic.createOf(keys) || traffic.lockOn(keys)) {
      const [{ record }] = this.#members;
      throw new ConflictError(`${record.name} stays for now: a volume of it is being used`, 'MOVE_BUSY');
    }
    return traffic.lock(keys);
  }

  /** With volumes of its own it never runs twice. */
  get #how(): OpenMove['how'] {
    return this.#volumes ? 'stop-first' : this.#order.how;
  }

  /** The durable word, before any engine is asked. */
  async #open(): Promise<void> {
    const { clock } = this.#deps;
    const [first, ...others] = this.#members;
    const keys = this.#members.map(({ record }) => record.key);
    const common = {
      how: this.#how,
      why: this.#order.why,
      sinceMs: clock.now(),
      ...(others.length > 0 && { together: { id: first.to.attempt, keys } }),
    };
    await this.#change((record, { to, record: { current } }) => {
      const isSame = record.current.attempt === current.attempt && !record.move;
      const carried = to === first.to && this.#volumes && { carried: this.#volumes.carried };
      return isSame ? { ...record, move: { to, ...common, ...carried } } : undefined;
    });
  }

  async #prepare(): Promise<void> {
    for (const member of this.#members) await member.prepare(this.#volumes?.names ?? []);
    await this.#volumes?.prepare(this.#members[0].image, this.#signal);
  }

  async #create(): Promise<void> {
    const members = this.#members;
    for (const member of members) await member.removeEarlier();
    this.#signal.throwIfAborted();
    // An engine fills volumes that it finds empty from the image: they are filled before.
    if (this.#volumes) for (const member of members.toReversed()) await member.stopOld();
    await this.#volumes?.copyNamed(this.#signal);
    const engineIds = new Map<string, string>();
    for (const member of members) {
      await member.create(engineIds, this.#volumes?.emptyVolumesOf(member.record.key) ?? []);
      engineIds.set(member.record.id ?? '', member.engineId);
    }
  }

  /** All that goes with them is there, durably known: the successors may be started. */
  async #fillVolumes(): Promise<void> {
    const volumes = this.#volumes;
    if (!volumes) return;
    const successors = new Map(this.#members.map(({ record, engineId }) => [record.key, engineId]));
    await volumes.copyUnnamed(successors, this.#signal);
    await volumes.close();
    const [{ record, to }] = this.#members;
    const after = await this.#deps.desired.change(record.key, (each) => withCopied(each, to.attempt));
    if (after?.move?.to.attempt !== to.attempt) throw outdated(record);
  }

  async #bringUp(): Promise<void> {
    const how = this.#how;
    for (const member of this.#members) await member.bringUp(how);
    // All of them settle at the same time, and none is waited for any more when one has failed.
    const settled = await Promise.allSettled(this.#members.map((member) => member.untilUp(how)));
    const failed = settled.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** The one change that makes the successors the containers; the model shows them in the same turn. */
  async #switch(): Promise<readonly ContainerRecord[]> {
    this.#signal.throwIfAborted();
    const records = await this.#change((each, { to, record: { wanted, ended } }) => {
      if (each.move?.to.attempt !== to.attempt || each.wanted !== wanted) return undefined;
      return switched(each, each.move.to, ended);
    });
    for (const { id = '' } of records) this.#deps.drafts.settle(id);
    return records;
  }

  /** All records at once. Throws `MOVE_OUTDATED` when one of them is gone, or the edit answers with nothing. */
  async #change(
    edit: (record: ContainerRecord, member: MoveMember) => ContainerRecord | undefined,
  ): Promise<readonly ContainerRecord[]> {
    const keys = this.#members.map(({ record }) => record.key);
    return this.#deps.desired.changeTogether(keys, (records) =>
      this.#members.map((member) => {
        const record = records.get(member.record.key);
        const after = record && edit(record, member);
        if (!after) throw outdated(member.record);
        return after;
      }),
    );
  }

  /** Never rejects: what cannot be undone now stays in the records, as a move that is open or as stale copies. */
  async #undo(): Promise<void> {
    const { desired, logger } = this.#deps;
    const members = this.#members;
    try {
      if (await this.#hasSwitched()) return;
      const isGone = new Map<string, boolean>();
      for (const member of members.toReversed()) isGone.set(member.record.key, await member.removeSuccessor());
      for (const member of members) await member.restoreOld();
      await this.#closeVolumes();
      await this.#volumes?.undo();
      await desired.changeTogether([...isGone.keys()], (records) =>
        members.flatMap(({ record: { key }, to }) => {
          const record = records.get(key);
          return record ? undone(record, to.attempt, isGone.get(key) ?? false) : [];
        }),
      );
    } catch (error) {
      const names = members.map(({ record }) => record.name).join(', ');
      logger.warn({ container: names, reason: reasonOf(error) }, 'a move that failed is not undone yet');
    }
  }

  /**
   * Notes that the move is undone, before anything of it is: a primary that takes over would else finish it with successors that are being removed. Resolves
   * with true when these are the containers, after all. Rejects when it is for another primary to say.
   */
  async #hasSwitched(): Promise<boolean> {
    const { desired } = this.#deps;
    const members = this.#members;
    await desired
      .changeTogether(
        members.map(({ record }) => record.key),
        (records) =>
          members.flatMap(({ record: { key }, to }) => {
            const record = records.get(key);
            return record?.move?.to.attempt === to.attempt ? undoing(record, to.attempt) : [];
          }),
      )
      .catch((error: unknown) => {
        if (isForPrimary(error)) throw error;
      });
    return members.some(({ record: { key }, to }) => desired.get(key)?.current.attempt === to.attempt);
  }

  /** What cannot be removed now was never started and is no record's then: it goes when its node is back. Never rejects. */
  async #closeVolumes(): Promise<void> {
    await this.#volumes?.close().catch((error: unknown) => {
      const fields = { container: this.#members[0].record.name, reason: reasonOf(error) };
      this.#deps.logger.warn(fields, 'a container that reached volumes is not removed yet');
    });
  }
}
