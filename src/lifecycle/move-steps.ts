import { ConflictError, reasonOf } from '../common/errors.ts';
import { switched, undone, withCopied } from '../desired/move-edits.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';
import type { MoveMember } from './move-member.ts';
import { ManagerStops, type MoveDeps, type MoveOrder, outdated } from './move-order.ts';
import { MoveVolumes } from './move-volumes.ts';
import type { Key } from './traffic.ts';

/** One move of one record's container, from the durable word to the switch. */
export class MoveSteps {
  readonly #deps: MoveDeps;
  readonly #member: MoveMember;
  readonly #order: MoveOrder;
  readonly #signal: AbortSignal;
  #volumes: MoveVolumes | undefined;

  constructor(deps: MoveDeps, member: MoveMember, order: MoveOrder, signal: AbortSignal) {
    this.#deps = deps;
    this.#member = member;
    this.#order = order;
    this.#signal = signal;
  }

  /** Resolves with the record once clients are shown the successor. Rejects when the container is where it was. */
  async run(): Promise<ContainerRecord> {
    const member = this.#member;
    this.#volumes = await this.#findVolumes();
    const unlock = this.#lockVolumes();
    let isDone = false;
    try {
      member.reserve();
      const record = await this.#carryOut();
      isDone = true;
      return record;
    } finally {
      member.release(isDone);
      unlock();
    }
  }

  async #carryOut(): Promise<ContainerRecord> {
    try {
      await this.#open();
      await this.#prepare();
      await this.#create();
      await this.#fillVolumes();
      await this.#member.bringUp(this.#how);
      await this.#volumes?.commit();
      return await this.#switch();
    } catch (error) {
      if (!(this.#signal.reason instanceof ManagerStops)) await this.#undo();
      throw error;
    }
  }

  /** What goes with it from a node that answers. */
  async #findVolumes(): Promise<MoveVolumes | undefined> {
    const { carries, how } = this.#order;
    const { record, spec, node, reachableOld: from } = this.#member;
    if (!carries || how === 'replace') return undefined;
    if (!from)
      throw new ConflictError(`${record.name} stays: its node does not answer, and has its data`, 'MOVE_REFUSED');
    return await MoveVolumes.find(this.#deps, spec, { ...carries, record, from, to: node }, this.#signal);
  }

  /** No container is created on the volumes until they have a home again. */
  #lockVolumes(): () => void {
    const { traffic } = this.#deps;
    const keys = (this.#volumes?.names ?? []).map((name): Key => `volume ${name}`);
    if (traffic.createOf(keys) || traffic.lockOn(keys))
      throw new ConflictError(`${this.#member.record.name} stays for now: a volume of it is being used`, 'MOVE_BUSY');
    return traffic.lock(keys);
  }

  /** With volumes of its own it never runs twice. */
  get #how(): OpenMove['how'] {
    return this.#volumes ? 'stop-first' : this.#order.how;
  }

  /** The durable word, before any engine is asked. */
  async #open(): Promise<void> {
    const { desired, clock } = this.#deps;
    const { why, generation } = this.#order;
    const { record, to } = this.#member;
    const carried = this.#volumes && { carried: this.#volumes.carried };
    const move: OpenMove = { to, how: this.#how, why, sinceMs: clock.now(), ...carried };
    const opened = await desired.change(record.key, (each) =>
      each.current.generation === generation && !each.move ? { ...each, move } : each,
    );
    if (opened?.move?.to.attempt !== to.attempt) throw outdated(record);
  }

  async #prepare(): Promise<void> {
    await this.#member.prepare(this.#volumes?.names ?? []);
    await this.#volumes?.prepare(this.#member.image, this.#signal);
  }

  async #create(): Promise<void> {
    const member = this.#member;
    await member.removeEarlier();
    this.#signal.throwIfAborted();
    // An engine fills volumes that it finds empty from the image: they are filled before.
    if (this.#volumes) await member.stopOld();
    await this.#volumes?.copyNamed(this.#signal);
    await member.create(new Map(), this.#volumes?.emptyVolumes ?? []);
  }

  /** All that goes with it is there, durably known: the successor may be started. */
  async #fillVolumes(): Promise<void> {
    const volumes = this.#volumes;
    if (!volumes) return;
    const { engineId, record, to } = this.#member;
    await volumes.copyUnnamed(engineId, this.#signal);
    await volumes.close();
    const after = await this.#deps.desired.change(record.key, (each) => withCopied(each, to.attempt));
    if (after?.move?.to.attempt !== to.attempt) throw outdated(record);
  }

  /** The one change that makes the successor the container; the model shows it in the same turn. */
  async #switch(): Promise<ContainerRecord> {
    const { desired, drafts } = this.#deps;
    const { record, to } = this.#member;
    this.#signal.throwIfAborted();
    const after = await desired.change(record.key, (each) =>
      each.move?.to.attempt === to.attempt && each.wanted === record.wanted ? switched(each, each.move.to) : each,
    );
    if (after?.current.attempt !== to.attempt) throw outdated(record);
    drafts.settle(record.id ?? '');
    return after;
  }

  /** Never rejects: what cannot be undone now stays in the record, as a move that is open or as a stale copy. */
  async #undo(): Promise<void> {
    const { desired, logger } = this.#deps;
    const { record, to } = this.#member;
    try {
      const isGone = await this.#member.removeSuccessor();
      await this.#member.restoreOld();
      await this.#closeVolumes();
      await this.#volumes?.undo();
      await desired.change(record.key, (each) => undone(each, to.attempt, isGone));
    } catch (error) {
      logger.warn({ container: record.name, reason: reasonOf(error) }, 'a move that failed is not undone yet');
    }
  }

  /** What cannot be removed now was never started and is no record's then: it goes when its node is back. Never rejects. */
  async #closeVolumes(): Promise<void> {
    await this.#volumes?.close().catch((error: unknown) => {
      const fields = { container: this.#member.record.name, reason: reasonOf(error) };
      this.#deps.logger.warn(fields, 'a container that reached volumes is not removed yet');
    });
  }
}
