import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { ConflictError, EngineError, reasonOf } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { ContainerRecord, Copy, OpenMove } from '../desired/record.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import { bringBack, findCopy, removeCopy, runsWanted, stopCopy } from './move-copy.ts';
import { type MoveDeps, type MoveOrder, outdated, targetOf } from './move-order.ts';
import { untilReady } from './move-ready.ts';
import { refusalOf, type SuccessorSpec, successorSpec } from './move-successor.ts';
import { createOn, prepareNode } from './on-node.ts';

/** Bounds on preparing the node, where an image may have to be copied, and on a create, in milliseconds. */
const PREPARE_MS = 1_800_000;
const CREATE_MS = 120_000;
const CALL_MS = 60_000;

/** One container of a move: its old copy, and the one that is made in its place. */
export class MoveMember {
  readonly record: ContainerRecord;
  readonly node: Node;
  readonly to: Copy;
  readonly #deps: MoveDeps;
  readonly #signal: AbortSignal;
  readonly #label: string;
  readonly #successor: SuccessorSpec;
  #release: (isDone: boolean) => void = () => undefined;
  #placement: PendingPlacement | undefined;
  /** Whether the engine was asked for the successor. */
  #isAsked = false;
  #engineId: string | undefined;
  /** What the node knows the image by. */
  #image = '';
  #hasStoppedOld = false;
  /** Lets clients' connections go on to what the container is now. */
  #letGo: () => void = () => undefined;

  private constructor(
    deps: MoveDeps,
    record: ContainerRecord,
    node: Node,
    successor: SuccessorSpec,
    signal: AbortSignal,
  ) {
    this.#deps = deps;
    this.record = record;
    this.node = node;
    this.#successor = successor;
    this.#signal = signal;
    const attempt = deps.attempts.next();
    this.to = { nodeId: node.id, attempt, generation: record.current.generation + 1 };
    this.#label = deps.attempts.labelOf(attempt);
  }

  /** Reads what the successor is made from. Throws 409 for a node that is no place to go. */
  static async of(
    deps: MoveDeps,
    record: ContainerRecord,
    order: Pick<MoveOrder, 'to'>,
    signal: AbortSignal,
  ): Promise<MoveMember> {
    const node = targetOf(deps, record, order);
    return new MoveMember(deps, record, node, await successorSpec(deps, record), signal);
  }

  get spec(): ContainerSpec {
    return this.#successor.spec;
  }

  /** What the node knows the image by, once it is prepared. */
  get image(): string {
    return this.#image;
  }

  /** The successor's ID at its engine; empty until it was created. */
  get engineId(): string {
    return this.#engineId ?? '';
  }

  /** The node of the old copy, when it answers. */
  get reachableOld(): Node | undefined {
    const { nodeId } = this.record.current;
    const node = this.#deps.cluster.node(nodeId);
    return node?.id === nodeId && node.isHealthy ? node : undefined;
  }

  /** Counts on the node from now on, until {@link release}. Throws 409 when the node cannot take it. */
  reserve(): void {
    const { cluster, recorder, volumes } = this.#deps;
    const why = refusalOf(this.#deps, this.spec, this.record.id ?? '', this.node);
    if (why !== undefined) throw new ConflictError(`${this.node.name} cannot take it: ${why}`, 'MOVE_REFUSED');
    // By name it is one container, where it is: only what it holds and its labels count twice meanwhile.
    const { name: _, ...unnamed } = this.spec.placement;
    const placement = cluster.beginPlacement(this.node, unnamed, this.spec.labels);
    const claim = volumes.claim(this.node, this.spec.volumes);
    const endHold = recorder.hold(this.to.attempt);
    this.#placement = placement;
    this.#release = (isDone) => {
      placement.release();
      if (!isDone && this.#engineId !== undefined) this.node.ledger.remove(this.#engineId);
      if (!isDone) claim.undo();
      endHold();
    };
  }

  release(isDone: boolean): void {
    this.#letGo();
    this.#release(isDone);
  }

  /** Brings image, networks and volumes to the node. @param carried names of volumes that are made otherwise */
  async prepare(carried: readonly string[]): Promise<void> {
    this.#signal.throwIfAborted();
    const { spec, images } = this.#successor;
    const call = { registryAuth: undefined, signal: AbortSignal.any([this.#signal, AbortSignal.timeout(PREPARE_MS)]) };
    let failure: unknown;
    // The recorded image first, by whatever it can be had.
    for (const image of images.length === 0 ? [spec.image] : images) {
      try {
        this.#image = await prepareNode(this.#deps, { ...spec, image }, this.node, call);
        failure = undefined;
        break;
      } catch (error) {
        this.#signal.throwIfAborted();
        failure = error;
      }
    }
    if (failure !== undefined) throw failure;
    const others = spec.volumes.filter((name) => !carried.includes(name));
    await this.#deps.volumes.settle(this.node, others, call.signal);
  }

  /** A copy that must not run has the name there: it is removed. */
  async removeEarlier(): Promise<void> {
    const { stale = [] } = this.record;
    const earlier = stale.filter(({ nodeId, engineId }) => nodeId === this.node.id && engineId !== undefined);
    for (const { engineId = '' } of earlier) await removeCopy(this.node, engineId, true);
  }

  /**
   * Creates the successor, and notes its ID in the record.
   *
   * @param engineIds of successors that were made before, by the IDs clients know
   * @param emptyVolumes paths whose volumes without a name the engine leaves empty
   */
  async create(engineIds: ReadonlyMap<string, string>, emptyVolumes: readonly string[]): Promise<void> {
    const { desired } = this.#deps;
    const { id = '', key } = this.record;
    this.#signal.throwIfAborted();
    this.#isAsked = true;
    const answer = await createOn(this.#deps, this.spec, this.node, {
      image: this.#image,
      attempt: this.#label,
      signal: AbortSignal.timeout(CREATE_MS),
      successor: { id, engineIds },
      emptyVolumes,
    });
    if (answer.statusCode !== 201) throw refused('create', answer);
    const engineId = (JSON.parse(answer.body.toString()) as { readonly Id: string }).Id;
    this.#engineId = engineId;
    const after = await desired.change(key, (record) =>
      record.move?.to.attempt === this.to.attempt
        ? { ...record, move: { ...record.move, to: { ...this.to, engineId } } }
        : record,
    );
    // Another primary may have undone the move while this one was suspended: the old copy is not touched then.
    if (after?.move?.to.attempt !== this.to.attempt) throw outdated(this.record);
    await this.#disconnect(engineId);
    await this.node.refreshContainers([engineId]);
    this.#placement?.settle(engineId);
  }

  /** From networks that clients disconnected it from after its create. */
  async #disconnect(engineId: string): Promise<void> {
    for (const network of this.#successor.disconnects) {
      const reference = encodeURIComponent(this.#deps.networks.referenceOn(this.node, network));
      await this.#call(`/networks/${reference}/disconnect`, JSON.stringify({ Container: engineId }));
    }
  }

  /** Ends the old copy with its own grace period, once; nothing where it cannot be reached. */
  async stopOld(): Promise<void> {
    const { engineId } = this.record.current;
    const old = this.reachableOld;
    if (!old || engineId === undefined || this.#hasStoppedOld) return;
    const { endpoint } = this.#deps;
    const { id = '' } = this.record;
    const letGo = endpoint?.hold(id);
    this.#letGo = () => {
      letGo?.();
      endpoint?.resume(engineId);
    };
    await endpoint?.drain({ id, engineId }, 'moved');
    this.#signal.throwIfAborted();
    this.#hasStoppedOld = true;
    await stopCopy(old, engineId, this.#signal);
  }

  /** Starts the successor, where it should run. */
  async bringUp(how: OpenMove['how']): Promise<void> {
    this.#signal.throwIfAborted();
    if (how === 'stop-first') await this.stopOld();
    if (!runsWanted(this.record)) return;
    await this.#deps.networks.prepareAttach(this.node, this.spec.networks, this.#signal);
    await this.#start();
  }

  /** Resolves when the successor that was started may take over. */
  async untilUp(how: OpenMove['how']): Promise<void> {
    const { wanted } = this.record;
    if (!runsWanted(this.record)) return;
    const { node, engineId } = this;
    const { clock, settleMs } = this.#deps;
    // After a loss there is nothing that could go on instead.
    if (how !== 'replace') await untilReady({ node, engineId }, { clock, settleMs, signal: this.#signal });
    if (wanted === 'paused') await this.#call(`/containers/${engineId}/pause`);
    await node.refreshContainers([engineId]);
  }

  async #start(): Promise<void> {
    const listed = this.node.held(this.engineId);
    if (!listed) throw new EngineError(`${this.node.name} does not list the new container`);
    await this.#deps.endpoint?.makeRoom(listed);
    const path = `/containers/${this.engineId}/start`;
    const signal = this.#signal;
    const ask = (): Promise<EngineAnswer> =>
      this.node.client.request({ method: 'POST', path, signal, timeoutMs: CREATE_MS });
    const answer = await this.#deps.networks.start(listed, ask, signal);
    if (answer.statusCode >= 400) throw refused('start', answer);
  }

  /** Undoes {@link create}. False when the successor may be there still. Never rejects. */
  async removeSuccessor(): Promise<boolean> {
    if (!this.#isAsked) return true;
    try {
      const engineId = this.#engineId ?? (await findCopy(this.node, this.#label));
      if (engineId === undefined) return true;
      const { cluster, networks } = this.#deps;
      const listed = this.node.held(engineId);
      if (listed) await networks.attachEnded(listed, AbortSignal.timeout(CALL_MS));
      await removeCopy(this.node, engineId, false);
      cluster.removeContainer(this.node, engineId);
      return true;
    } catch (error) {
      const fields = { container: this.record.name, node: this.node.name, reason: reasonOf(error) };
      this.#deps.logger.warn(
        fields,
        'what a failed move made was not removed; it is ended when its node is connected anew',
      );
      return false;
    }
  }

  /** Undoes {@link stopOld}. Rejects when the old copy does not run and should. */
  async restoreOld(): Promise<void> {
    const { engineId } = this.record.current;
    const node = this.reachableOld;
    const record = this.#deps.desired.get(this.record.key);
    if (this.#hasStoppedOld && node && engineId !== undefined && record) await bringBack(node, engineId, record);
  }

  async #call(path: string, body?: string): Promise<void> {
    await this.node.client.json({ method: 'POST', path, body, signal: this.#signal, timeoutMs: CALL_MS });
  }
}

function refused(what: string, { statusCode, body }: EngineAnswer): EngineError {
  return new EngineError(`${what}: ${messageOf(body)}`, 'ENGINE_ANSWER', undefined, statusCode);
}
