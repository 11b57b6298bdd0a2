import type { Node } from '../cluster/node.ts';
import { ConflictError, EngineError, reasonOf } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import { switched, undone, withCopied } from '../desired/move-edits.ts';
import type { ContainerRecord, Copy, OpenMove } from '../desired/record.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import type { ProvisionalDeps } from './deps.ts';
import { findCopy, removeCopy, startAgain, stopCopy } from './move-copy.ts';
import { untilReady } from './move-ready.ts';
import { refusalOf, type SuccessorSpec, successorSpec } from './move-successor.ts';
import { MoveVolumes } from './move-volumes.ts';
import { createOn, prepareNode } from './on-node.ts';
import type { Key } from './traffic.ts';

/** Bounds on preparing the node, where an image may have to be copied, and on a create, in milliseconds. */
const PREPARE_MS = 1_800_000;
const CREATE_MS = 120_000;
const CALL_MS = 60_000;

export interface MoveDeps extends ProvisionalDeps {
  /** How long a successor without a health check must run before the old copy is ended, in milliseconds. */
  readonly settleMs: number;
}

/** A container that is to be on another node. */
export interface MoveOrder {
  /** The ID of the node it goes to. */
  readonly to: string;
  readonly how: OpenMove['how'];
  /** In words, for events and people. */
  readonly why: string;
  /** Of the copy that moves: with another one the container has moved meanwhile. */
  readonly generation: number;
  /** Volumes that live on the container's node go with it; without, the container must do without them. */
  readonly carries?: CarryOptions;
}

/** How volumes go with a container. */
export interface CarryOptions {
  /** For how long sources are kept, in milliseconds. */
  readonly keepSourceMs: number;
  /** Told of the bytes of archives as they pass; each volume is read twice. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** The manager stops: what is under way stays as it is, and the next one resolves it from the record. */
export class ManagerStops extends Error {}

/** One move of one record's container, from the durable word to the switch. */
export class MoveSteps {
  readonly #deps: MoveDeps;
  readonly #record: ContainerRecord;
  readonly #order: MoveOrder;
  readonly #node: Node;
  readonly #signal: AbortSignal;
  readonly #to: Copy;
  readonly #label: string;
  /** Whether the engine was asked for the successor. */
  #isAsked = false;
  #engineId: string | undefined;
  /** What the node knows the image by. */
  #image = '';
  #hasStoppedOld = false;
  #volumes: MoveVolumes | undefined;

  constructor(deps: MoveDeps, record: ContainerRecord, order: MoveOrder, signal: AbortSignal) {
    this.#deps = deps;
    this.#record = record;
    this.#order = order;
    this.#node = targetOf(deps, record, order);
    this.#signal = signal;
    const attempt = deps.attempts.next();
    this.#to = { nodeId: this.#node.id, attempt, generation: record.current.generation + 1 };
    this.#label = deps.attempts.labelOf(attempt);
  }

  /** Resolves with the record once clients are shown the successor. Rejects when the container is where it was. */
  async run(): Promise<ContainerRecord> {
    const { cluster, recorder, volumes } = this.#deps;
    const successor = await successorSpec(this.#deps, this.#record);
    const { spec } = successor;
    const why = refusalOf(this.#deps, spec, this.#record.id ?? '', this.#node);
    if (why !== undefined) throw new ConflictError(`${this.#node.name} cannot take it: ${why}`, 'MOVE_REFUSED');
    this.#volumes = await this.#findVolumes(spec);
    const unlock = this.#lockVolumes();
    // By name it is one container, where it is: only what it holds and its labels count twice meanwhile.
    const { name: _, ...unnamed } = spec.placement;
    const placement = cluster.beginPlacement(this.#node, unnamed, spec.labels);
    const claim = volumes.claim(this.#node, spec.volumes);
    const endHold = recorder.hold(this.#to.attempt);
    let isDone = false;
    try {
      await this.#open();
      await this.#prepare(successor);
      await this.#create(successor);
      placement.settle(this.#engineId ?? '');
      await this.#fillVolumes();
      await this.#bringUp(successor);
      await this.#volumes?.commit();
      const record = await this.#switch();
      isDone = true;
      return record;
    } catch (error) {
      if (!(this.#signal.reason instanceof ManagerStops)) await this.#undo();
      throw error;
    } finally {
      placement.release();
      if (!isDone && this.#engineId !== undefined) this.#node.ledger.remove(this.#engineId);
      if (!isDone) claim.undo();
      endHold();
      unlock();
    }
  }

  /** What goes with it from a node that answers. */
  async #findVolumes(spec: ContainerSpec): Promise<MoveVolumes | undefined> {
    const { carries, how } = this.#order;
    if (!carries || how === 'replace') return undefined;
    const from = this.#reachableOld();
    if (!from)
      throw new ConflictError(`${this.#record.name} stays: its node does not answer, and has its data`, 'MOVE_REFUSED');
    return await MoveVolumes.find(
      this.#deps,
      spec,
      { ...carries, record: this.#record, from, to: this.#node },
      this.#signal,
    );
  }

  /** No container is created on the volumes until they have a home again. */
  #lockVolumes(): () => void {
    const { traffic } = this.#deps;
    const keys = (this.#volumes?.names ?? []).map((name): Key => `volume ${name}`);
    if (traffic.createOf(keys) || traffic.lockOn(keys))
      throw new ConflictError(`${this.#record.name} stays for now: a volume of it is being used`, 'MOVE_BUSY');
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
    const carried = this.#volumes && { carried: this.#volumes.carried };
    const move: OpenMove = { to: this.#to, how: this.#how, why, sinceMs: clock.now(), ...carried };
    const opened = await desired.change(this.#record.key, (record) =>
      record.current.generation === generation && !record.move ? { ...record, move } : record,
    );
    if (opened?.move?.to.attempt !== this.#to.attempt) throw outdated(this.#record);
  }

  async #prepare({ spec, images }: SuccessorSpec): Promise<void> {
    this.#signal.throwIfAborted();
    const call = { registryAuth: undefined, signal: AbortSignal.any([this.#signal, AbortSignal.timeout(PREPARE_MS)]) };
    let failure: unknown;
    // The recorded image first, by whatever it can be had.
    for (const image of images.length === 0 ? [spec.image] : images) {
      try {
        this.#image = await prepareNode(this.#deps, { ...spec, image }, this.#node, call);
        failure = undefined;
        break;
      } catch (error) {
        this.#signal.throwIfAborted();
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    const volumes = this.#volumes;
    const others = spec.volumes.filter((name) => !volumes?.names.includes(name));
    await this.#deps.volumes.settle(this.#node, others, call.signal);
    await volumes?.prepare(this.#image, call.signal);
  }

  async #create({ spec, disconnects }: SuccessorSpec): Promise<void> {
    const { desired, networks } = this.#deps;
    const { id = '', key, stale = [] } = this.#record;
    const earlier = stale.filter(({ nodeId, engineId }) => nodeId === this.#node.id && engineId !== undefined);
    // A copy that must not run has the name there.
    for (const { engineId = '' } of earlier) await removeCopy(this.#node, engineId, true);
    this.#signal.throwIfAborted();
    // An engine fills volumes that it finds empty from the image: they are filled before.
    if (this.#volumes) await this.#stopOld();
    await this.#volumes?.copyNamed(this.#signal);
    this.#signal.throwIfAborted();
    this.#isAsked = true;
    const answer = await createOn(this.#deps, spec, this.#node, {
      image: this.#image,
      attempt: this.#label,
      signal: AbortSignal.timeout(CREATE_MS),
      successor: { id, engineIds: new Map() },
      emptyVolumes: this.#volumes?.emptyVolumes ?? [],
    });
    if (answer.statusCode !== 201) throw refused('create', answer);
    const engineId = (JSON.parse(answer.body.toString()) as { readonly Id: string }).Id;
    this.#engineId = engineId;
    const after = await desired.change(key, (record) =>
      record.move?.to.attempt === this.#to.attempt
        ? { ...record, move: { ...record.move, to: { ...this.#to, engineId } } }
        : record,
    );
    // Another primary may have undone the move while this one was suspended: the old copy is not touched then.
    if (after?.move?.to.attempt !== this.#to.attempt) throw outdated(this.#record);
    for (const network of disconnects) {
      const path = `/networks/${encodeURIComponent(networks.referenceOn(this.#node, network))}/disconnect`;
      await this.#call(path, JSON.stringify({ Container: engineId }));
    }
    await this.#node.refreshContainers([engineId]);
  }

  /** All that goes with it is there, durably known: the successor may be started. */
  async #fillVolumes(): Promise<void> {
    const volumes = this.#volumes;
    if (!volumes) return;
    await volumes.copyUnnamed(this.#engineId ?? '', this.#signal);
    await volumes.close();
    const after = await this.#deps.desired.change(this.#record.key, (record) => withCopied(record, this.#to.attempt));
    if (after?.move?.to.attempt !== this.#to.attempt) throw outdated(this.#record);
  }

  async #stopOld(): Promise<void> {
    const { engineId } = this.#record.current;
    const old = this.#reachableOld();
    if (!old || engineId === undefined || this.#hasStoppedOld) return;
    this.#hasStoppedOld = true;
    await stopCopy(old, engineId, this.#signal);
  }

  /** From the create to a successor that may take over. */
  async #bringUp({ spec }: SuccessorSpec): Promise<void> {
    const { wanted } = this.#record;
    const how = this.#how;
    this.#signal.throwIfAborted();
    if (how === 'stop-first') await this.#stopOld();
    if (wanted !== 'running' && wanted !== 'paused') return;
    await this.#deps.networks.prepareAttach(this.#node, spec.networks, this.#signal);
    await this.#start();
    const engineId = this.#engineId ?? '';
    const { clock, settleMs } = this.#deps;
    // After a loss there is nothing that could go on instead.
    if (how !== 'replace') await untilReady({ node: this.#node, engineId }, { clock, settleMs, signal: this.#signal });
    if (wanted === 'paused') await this.#call(`/containers/${engineId}/pause`);
    await this.#node.refreshContainers([engineId]);
  }

  async #start(): Promise<void> {
    const listed = this.#node.held(this.#engineId ?? '');
    if (!listed) throw new EngineError(`${this.#node.name} does not list the new container`);
    const path = `/containers/${this.#engineId}/start`;
    const signal = this.#signal;
    const ask = (): Promise<EngineAnswer> =>
      this.#node.client.request({ method: 'POST', path, signal, timeoutMs: CREATE_MS });
    const answer = await this.#deps.networks.start(listed, ask, signal);
    if (answer.statusCode >= 400) throw refused('start', answer);
  }

  /** The one change that makes the successor the container; the model shows it in the same turn. */
  async #switch(): Promise<ContainerRecord> {
    const { desired, drafts } = this.#deps;
    const { key, wanted, id = '' } = this.#record;
    this.#signal.throwIfAborted();
    const record = await desired.change(key, (each) =>
      each.move?.to.attempt === this.#to.attempt && each.wanted === wanted ? switched(each, each.move.to) : each,
    );
    if (record?.current.attempt !== this.#to.attempt) throw outdated(this.#record);
    drafts.settle(id);
    return record;
  }

  /** Never rejects: what cannot be undone now stays in the record, as a move that is open or as a stale copy. */
  async #undo(): Promise<void> {
    const { desired, logger } = this.#deps;
    const { key, name } = this.#record;
    try {
      const isGone = await this.#removeSuccessor();
      if (this.#hasStoppedOld) await this.#restoreOld();
      await this.#closeVolumes();
      await this.#volumes?.undo();
      await desired.change(key, (each) => undone(each, this.#to.attempt, isGone));
    } catch (error) {
      logger.warn({ container: name, reason: reasonOf(error) }, 'a move that failed is not undone yet');
    }
  }

  /** What cannot be removed now was never started and is no record's then: it goes when its node is back. Never rejects. */
  async #closeVolumes(): Promise<void> {
    await this.#volumes?.close().catch((error: unknown) => {
      const fields = { container: this.#record.name, reason: reasonOf(error) };
      this.#deps.logger.warn(fields, 'a container that reached volumes is not removed yet');
    });
  }

  /** False when it may be there still. */
  async #removeSuccessor(): Promise<boolean> {
    if (!this.#isAsked) return true;
    try {
      const engineId = this.#engineId ?? (await findCopy(this.#node, this.#label));
      if (engineId === undefined) return true;
      const { cluster, networks } = this.#deps;
      const listed = this.#node.held(engineId);
      const signal = AbortSignal.timeout(CALL_MS);
      if (listed) await networks.attachEnded(listed, signal);
      await removeCopy(this.#node, engineId, false);
      cluster.removeContainer(this.#node, engineId);
      return true;
    } catch (error) {
      const fields = { container: this.#record.name, node: this.#node.name, reason: reasonOf(error) };
      this.#deps.logger.warn(
        fields,
        'what a failed move made was not removed; it is ended when its node is connected anew',
      );
      return false;
    }
  }

  async #restoreOld(): Promise<void> {
    const { engineId } = this.#record.current;
    const node = this.#reachableOld();
    const { wanted } = this.#deps.desired.get(this.#record.key) ?? { wanted: 'stopped' };
    if (node && engineId !== undefined && wanted === 'running') await startAgain(node, engineId);
  }

  #reachableOld(): Node | undefined {
    const { nodeId } = this.#record.current;
    const node = this.#deps.cluster.node(nodeId);
    return node?.id === nodeId && node.isHealthy ? node : undefined;
  }

  async #call(path: string, body?: string): Promise<void> {
    const request = { method: 'POST', path, body, signal: this.#signal, timeoutMs: CALL_MS };
    await this.#node.client.json(request);
  }
}

function targetOf({ cluster }: MoveDeps, { current, name, dataLostMs }: ContainerRecord, { to }: MoveOrder): Node {
  const node = cluster.node(to);
  if (node?.id !== to)
    throw new ConflictError(`the node that ${name} was to move to is not in the cluster`, 'MOVE_REFUSED');
  if (!node.isHealthy) throw new ConflictError(`${node.name} is not healthy: ${node.reason}`, 'MOVE_REFUSED');
  if (current.nodeId === to && dataLostMs === undefined)
    throw new ConflictError(`${name} is on ${node.name} already`, 'MOVE_OUTDATED');
  return node;
}

export function outdated({ name }: ContainerRecord): ConflictError {
  return new ConflictError(`${name} has changed meanwhile`, 'MOVE_OUTDATED');
}

function refused(what: string, { statusCode, body }: EngineAnswer): EngineError {
  return new EngineError(`${what}: ${messageOf(body)}`, 'ENGINE_ANSWER', undefined, statusCode);
}
