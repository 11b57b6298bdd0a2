import type { Container } from '../cluster/container.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { ClusterError, ConflictError, reasonOf } from '../common/errors.ts';
import { removeMember } from '../common/json-edit.ts';
import type { ContainerSpec, CreateCall } from '../desired/container-spec.ts';
import type { RecordEdit } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { joined, left, updated } from '../desired/terms.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { createContainer } from './create.ts';
import type { LifecycleDeps, LifecycleOptions, ProvisionalDeps } from './deps.ts';
import { Drafts } from './drafts.ts';
import { Mover } from './move.ts';
import type { MoveOrder } from './move-steps.ts';
import { isRefusedConnection } from './on-node.ts';
import {
  type Connection,
  type ContainerOperation,
  isStart,
  isStop,
  type OperationCall,
  type Removal,
  type Renaming,
  wantedBy,
} from './operations.ts';
import { Recorder } from './recorder.ts';
import { refreshAfter } from './refresh.ts';
import { Removals } from './removals.ts';
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

  constructor(deps: LifecycleDeps, options: LifecycleOptions) {
    this.recorder = new Recorder(deps);
    this.#deps = { ...deps, recorder: this.recorder, drafts: new Drafts(deps.cluster), traffic: new Traffic() };
    this.#options = options;
    this.unfinishedMoves = new UnfinishedMoves(this.#deps);
    this.#removals = new Removals(this.#deps);
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

  /** Passes an operation to the container's engine; waits as long as the engine does (stopping takes its grace period). */
  operate(meant: Container, operation: ContainerOperation, call: OperationCall): Promise<EngineAnswer> {
    return this.changing(meant, (container) => this.#operate(container, operation, call));
  }

  async #operate(meant: Container, operation: ContainerOperation, call: OperationCall): Promise<EngineAnswer> {
    const container = await this.use(meant);
    requireHealthy(container.node, `container ${container.name}`);
    const { node, engineId } = container;
    if (isStart(operation)) this.#assertFenced(container);
    await this.#noteStop(container, operation);
    const ask = (): Promise<EngineAnswer> =>
      node.client.request({
        method: 'POST',
        path: `/containers/${engineId}/${operation.kind}${operation.search}`,
        api: call.api,
        body: this.#engineBody(container, operation),
        signal: call.signal,
        timeoutMs: 0,
      });
    const answer = await this.#wished(container, operation, () =>
      isStart(operation) ? this.#start(container, ask, call) : ask(),
    );
    if (answer.statusCode < 400) {
      if (operation.kind === 'update') {
        this.#deps.cluster.forgetReservation(node, engineId);
        await this.#amend(container, operation.body);
      }
      await refreshAfter(this.#deps, container, isStop(operation));
    }
    return answer;
  }

  /** A strict container runs where an agent would end it, and nowhere else. */
  #assertFenced(container: Container): void {
    const { terms } = this.recorder.recordOf(container) ?? {};
    const why = terms?.isStrict ? this.#deps.fences.refusals().get(container.nodeId) : undefined;
    if (why !== undefined)
      throw new ConflictError(
        `container ${container.name} is strict, and of node ${container.node.name}: ${why}`,
        'NO_FENCE',
      );
  }

  /** The engine of a strict container is not told of a restart policy: it would start it by itself. */
  #engineBody(container: Container, { kind, body }: ContainerOperation): Buffer | undefined {
    if (kind !== 'update' || !body || !this.recorder.recordOf(container)?.terms.isStrict) return body;
    return Buffer.from(removeMember(body.toString(), ['RestartPolicy']));
  }

  /**
   * Asks the engine while the wish is being recorded; resolves when both are done. What an engine refused was not wanted; what became
   * of a call that failed nobody knows, and the wish stays.
   */
  async #wished(
    container: Container,
    operation: ContainerOperation,
    ask: () => Promise<EngineAnswer>,
  ): Promise<EngineAnswer> {
    const wish = this.recorder.wish(container, wantedBy(operation));
    const [asked, written] = await Promise.allSettled([ask(), wish.written]);
    if (asked.status === 'rejected') {
      if (isRefusal(asked.reason)) await wish.revert();
      throw asked.reason;
    }
    const answer = asked.value;
    if (written.status === 'rejected') {
      if (answer.statusCode < 300) await this.#takeBack(container, operation);
      throw written.reason;
    }
    if (answer.statusCode >= 400) await wish.revert();
    return answer;
  }

  async #amend(container: Container, body: Buffer | undefined): Promise<void> {
    const text = body?.toString() ?? '';
    if (text === '') return;
    const edit: RecordEdit = (record) => ({ ...record, terms: updated(record.terms, JSON.parse(text)) });
    await this.recorder.amend(container, { kind: 'update', body: text }, edit);
  }

  /** Undoes what an engine did and nothing durable knows of. What has stopped stays so: only its client knows whether it may run again. */
  async #takeBack({ node, engineId, name }: Container, { kind }: ContainerOperation): Promise<void> {
    const opposite = OPPOSITES[kind];
    if (opposite === undefined) return;
    const path = `/containers/${engineId}/${opposite}`;
    await node.client.json({ method: 'POST', path, timeoutMs: TAKE_BACK_MS }).catch((error: unknown) => {
      this.#deps.logger.warn({ container: name, reason: reasonOf(error) }, `a ${kind} that was not recorded stays`);
    });
    await node.refreshContainers([engineId]).catch(() => undefined); // The monitor lists it in a moment.
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
    requireHealthy(container.node, `container ${container.name}`);
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

  /** An engine does not remember that a client stopped a container which did not run. */
  async #noteStop({ engineId, state }: Container, operation: ContainerOperation): Promise<void> {
    if (isStop(operation) && state === 'exited') await this.#deps.stops.add(engineId);
    if (isStart(operation)) await this.#deps.stops.forget(engineId);
  }

  /** Refused before its engine was asked: what the engine does with a container of `--rm` whose start fails is done here. */
  async #start(
    container: Container,
    ask: () => Promise<EngineAnswer>,
    { api, signal }: OperationCall,
  ): Promise<EngineAnswer> {
    try {
      return await this.#deps.networks.start(container, ask, signal);
    } catch (error) {
      if (error instanceof ClusterError && error.code === 'ATTACH_REFUSED') await this.#removeAutomatic(container, api);
      throw error;
    }
  }

  async #removeAutomatic(container: Container, api: ApiVersion): Promise<void> {
    const { node, engineId } = container;
    try {
      const path = `/containers/${engineId}`;
      type Details = { readonly HostConfig?: { readonly AutoRemove?: boolean } };
      const { HostConfig } = await node.client.json<Details>({ method: 'GET', path: `${path}/json`, api });
      if (HostConfig?.AutoRemove !== true) return;
      await node.client.json({ method: 'DELETE', path: `${path}?v=1&force=1`, api });
      this.#deps.cluster.removeContainer(node, engineId);
    } catch (error) {
      this.#deps.logger.warn({ node: node.name, reason: reasonOf(error) }, 'a container with --rm was not removed');
    }
  }
}

/** Whether the engine has not done it. */
function isRefusal(error: unknown): boolean {
  return isRefusedConnection(error) || (error instanceof ClusterError && error.code === 'ATTACH_REFUSED');
}

/** What ends what an operation did. */
const OPPOSITES: Partial<Record<ContainerOperation['kind'], string>> = {
  start: 'stop',
  pause: 'unpause',
  unpause: 'pause',
};
/** Stopping takes as long as the container's grace period, in milliseconds. */
const TAKE_BACK_MS = 60_000;
