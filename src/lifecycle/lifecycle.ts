import type { Container } from '../cluster/container.ts';
import type { ContainerSpec, CreateCall } from '../desired/container-spec.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { joined, left } from '../desired/terms.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { requirePresent } from './absent.ts';
import { createContainer } from './create.ts';
import type { LifecycleDeps, LifecycleOptions, ProvisionalDeps } from './deps.ts';
import { Drafts } from './drafts.ts';
import { Mover } from './move.ts';
import type { MoveOrder, MovingKey } from './move-order.ts';
import { Operations } from './operate.ts';
import type { Connection, ContainerOperation, OperationCall, Removal, Renaming } from './operations.ts';
import { Recorder } from './recorder.ts';
import { refreshAfter } from './refresh.ts';
import { Removals } from './removals.ts';
import { requireRenamable } from './renamable.ts';
import { Traffic } from './traffic.ts';
import { UnfinishedMoves } from './unfinished-moves.ts';

/**
 * The one place through which every container is created, started, stopped, renamed and removed. Each operation
 * returns the engine's own answer, after the model shows what it did.
 */
export class ContainerLifecycle {
  /** What an earlier manager left half done; to be started where containers are changed. */
  readonly unfinishedMoves: UnfinishedMoves;
  /** What clients want of containers, as it is written down. */
  readonly recorder: Recorder;
  /** What moves containers; to be started where containers are changed. */
  readonly mover: Mover;
  readonly #deps: ProvisionalDeps;
  readonly #options: LifecycleOptions;
  readonly #removals: Removals;
  readonly #operations: Operations;

  constructor(deps: LifecycleDeps, options: LifecycleOptions) {
    this.recorder = new Recorder(deps);
    this.#deps = { ...deps, recorder: this.recorder, drafts: new Drafts(deps.cluster), traffic: new Traffic() };
    this.#options = options;
    this.unfinishedMoves = new UnfinishedMoves(this.#deps);
    this.#removals = new Removals(this.#deps);
    this.#operations = new Operations(this.#deps);
    this.mover = new Mover(this.#deps, options.settleMs);
  }

  /**
   * Ends what is provisional about a container that a client is about to use: it stays on its node from now on. Waits while it is being
   * made on another one; resolves with the container as it is then.
   */
  async use(container: Container): Promise<Container> {
    const current = await this.settled(container);
    this.#deps.drafts.settle(current.id);
    return current;
  }

  /** The container once it is not being made on another node. */
  async settled(container: Container): Promise<Container> {
    const { traffic, cluster } = this.#deps;
    const keys = [`container ${container.id}`] as const;
    if (!traffic.lockOn(keys)) return container;
    while (traffic.lockOn(keys)) await traffic.lockOn(keys);
    return cluster.findContainer(container.id) ?? container;
  }

  /** Chooses a node, prepares it and creates the container there. Throws `SchedulingError`, 404 for an unknown image, 409 for a taken name. */
  create(spec: ContainerSpec, call: CreateCall): Promise<EngineAnswer> {
    return createContainer(this.#deps, this.#options, spec, call);
  }

  /** See {@link Mover.move}. */
  move(key: string, order: MoveOrder, signal?: AbortSignal): Promise<ContainerRecord> {
    return this.mover.move(key, order, signal);
  }

  /** See {@link Mover.moveTogether}. */
  moveTogether(
    members: readonly MovingKey[],
    order: Omit<MoveOrder, 'generation'>,
    signal?: AbortSignal,
  ): Promise<readonly ContainerRecord[]> {
    return this.mover.moveTogether(members, order, signal);
  }

  /**
   * Changes a container in a way that its record notes: a move of it is given up before, and none begins meanwhile. `act` is handed the
   * container as it is by then.
   */
  async changing<T>(meant: Container, act: (container: Container) => Promise<T>): Promise<T> {
    const { container, end } = await this.mover.holdOff(meant);
    try {
      return await act(container);
    } finally {
      end();
    }
  }

  /**
   * Passes an operation to the container's engine; waits as long as the engine does (stopping takes its grace period). While its node is
   * away, a stop is noted, and a start waits until the container runs elsewhere.
   */
  async operate(meant: Container, operation: ContainerOperation, call: OperationCall): Promise<EngineAnswer> {
    const outcome = await this.changing(meant, async (container) =>
      this.#operations.operate(await this.use(container), operation, call),
    );
    if (typeof outcome !== 'function') return outcome;
    // A move is what it waits for: it must not hold one off.
    return (await outcome()) ?? this.operate(meant, operation, call);
  }

  /** Records that a container was connected to a network at its engine; durable when it resolves. `body` is the call's, without `Container`. */
  async connected(container: Container, connection: Connection & { readonly body: string }): Promise<void> {
    const { network, isLocal, body } = connection;
    await this.recorder.amend(container, { kind: 'connect', network, body }, (record) => ({
      ...record,
      terms: isLocal ? joined(record.terms, network) : record.terms,
    }));
  }

  /** Records that a container was disconnected from a network. */
  async disconnected(container: Container, { network }: Connection): Promise<void> {
    await this.recorder.amend(container, { kind: 'disconnect', network }, (record) => ({
      ...record,
      terms: left(record.terms, network),
    }));
  }

  /** Renames when the name is free in the whole cluster. */
  rename(meant: Container, renaming: Renaming, call: OperationCall): Promise<EngineAnswer> {
    return this.changing(meant, (container) => this.#rename(container, renaming, call));
  }

  async #rename(meant: Container, { name, search }: Renaming, { api, signal }: OperationCall): Promise<EngineAnswer> {
    const container = await this.settled(meant);
    requirePresent(container);
    requireRenamable(container, this.#deps.networks);
    const release = this.#deps.cluster.names.reserve(name);
    try {
      const path = `/containers/${container.engineId}/rename${search}`;
      const answer = await container.node.client.request({ method: 'POST', path, api, signal });
      if (answer.statusCode >= 400) return answer;
      await this.recorder.change(container, (record) => ({ ...record, name }));
      this.#deps.drafts.rename(container.id, name);
      await refreshAfter(this.#deps, container);
      if (!this.recorder.recordOf(container)) await this.#deps.memory?.flush();
      return answer;
    } finally {
      release();
    }
  }

  /**
   * Removes it from its engine and from the model. With force also while its node is down: its name is free at once, and it is
   * removed when the node returns.
   */
  remove(meant: Container, removal: Removal, call: OperationCall): Promise<EngineAnswer> {
    return this.changing(meant, async (container) =>
      this.#removals.remove(await this.settled(container), removal, call),
    );
  }

  /** See {@link Removals.removeRecorded}. */
  removeRecorded(reference: string, removal: Removal): Promise<EngineAnswer | undefined> {
    return this.#removals.removeRecorded(reference, removal);
  }
}
