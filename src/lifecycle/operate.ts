import type { Container } from '../cluster/container.ts';
import { ClusterError, ConflictError, reasonOf } from '../common/errors.ts';
import { removeMember } from '../common/json-edit.ts';
import type { RecordEdit } from '../desired/desired-state.ts';
import { updated } from '../desired/terms.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { isForPrimary } from '../kv/lease.ts';
import { AbsentContainers, requirePresent } from './absent.ts';
import type { ProvisionalDeps } from './deps.ts';
import { isRefusedConnection } from './on-node.ts';
import { type ContainerOperation, endsTraffic, isStart, isStop, type OperationCall, wantedBy } from './operations.ts';
import { refreshAfter } from './refresh.ts';

/**
 * The engine's answer; or what is to be waited for, outside of the container's turn: with no answer then, its engine is to be asked
 * after all.
 */
export type Outcome = EngineAnswer | (() => Promise<EngineAnswer | undefined>);

const NOT_OBEYED = 'its agent has not said yet that it ends this container; try again in a moment';

/** Changes of containers that are there: asked of their engines, and noted while these are away. */
export class Operations {
  readonly #deps: ProvisionalDeps;
  readonly #absent: AbsentContainers;

  constructor(deps: ProvisionalDeps) {
    this.#deps = deps;
    this.#absent = new AbsentContainers(deps);
  }

  /** The container is settled, and no move of it begins. */
  async operate(container: Container, operation: ContainerOperation, call: OperationCall): Promise<Outcome> {
    if (container.node.isHealthy) return this.#ask(container, operation, call);
    if (!this.#absent.takes(container, operation)) requirePresent(container);
    return isStart(operation) ? this.#startElsewhere(container, call) : this.#absent.stop(container, operation);
  }

  async #startElsewhere(container: Container, { signal }: OperationCall): Promise<Outcome> {
    const wish = await this.#absent.start(container);
    return async () => ((await this.#absent.untilElsewhere(container, wish, signal)) === 'runs' ? STARTED : undefined);
  }

  async #ask(container: Container, operation: ContainerOperation, call: OperationCall): Promise<EngineAnswer> {
    const { engineId } = container;
    if (isStart(operation)) this.#assertFenced(container);
    await this.#noteStop(container, operation);
    const { endpoint } = this.#deps;
    const isEnding = endsTraffic(operation);
    if (isEnding) await endpoint?.drain(container, 'stopped');
    try {
      return await this.#askEngine(container, operation, call);
    } finally {
      if (isEnding) endpoint?.resume(engineId);
    }
  }

  async #askEngine(container: Container, operation: ContainerOperation, call: OperationCall): Promise<EngineAnswer> {
    const { node, engineId } = container;
    const ask = (): Promise<EngineAnswer> =>
      node.client.request({
        method: 'POST',
        path: `/containers/${engineId}/${operation.kind}${operation.search}`,
        api: call.api,
        body: this.#engineBody(container, operation),
        signal: call.signal,
        timeoutMs: 0,
      });
    return this.#wished(container, operation, async () => {
      const answer = await (isStart(operation) ? this.#start(container, ask, call) : ask());
      if (answer.statusCode < 400) await this.#take(container, operation);
      return answer;
    });
  }

  /** Takes over what the engine did. While the wish is being recorded: the engine's event asks for no second listing then. */
  async #take(container: Container, operation: ContainerOperation): Promise<void> {
    const { cluster, endpoint } = this.#deps;
    if (operation.kind === 'update') {
      cluster.forgetReservation(container.node, container.engineId);
      await this.#amend(container, operation.body);
    }
    await refreshAfter(this.#deps, container, isStop(operation));
    if (isStart(operation)) await endpoint?.settled(container.id);
  }

  /** A strict container runs where an agent would end it, and nowhere else. */
  #assertFenced(container: Container): void {
    const { fences, recorder } = this.#deps;
    const record = recorder.recordOf(container);
    if (!record?.terms.isStrict) return;
    const why = fences.refusals().get(container.nodeId) ?? (fences.isObeyed(record) ? undefined : NOT_OBEYED);
    if (why !== undefined)
      throw new ConflictError(
        `container ${container.name} is strict, and of node ${container.node.name}: ${why}`,
        'NO_FENCE',
      );
  }

  /** The engine of a strict container is not told of a restart policy: it would start it by itself. */
  #engineBody(container: Container, { kind, body }: ContainerOperation): Buffer | undefined {
    if (kind !== 'update' || !body || !this.#deps.recorder.recordOf(container)?.terms.isStrict) return body;
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
    const wish = this.#deps.recorder.wish(container, wantedBy(operation));
    const [asked, written] = await Promise.allSettled([ask(), wish.written]);
    if (asked.status === 'rejected') {
      // Its node was lost meanwhile: whether it stops is seen to when that is back.
      if (wantedBy(operation) === 'stopped' && !container.node.isHealthy && this.#absent.takes(container, operation))
        return this.#absent.oweStop(container, operation);
      if (isRefusal(asked.reason)) await wish.revert();
      throw asked.reason;
    }
    const answer = asked.value;
    if (written.status === 'rejected') {
      // A late undoing would end what the client has asked another primary for meanwhile.
      if (answer.statusCode < 300 && !isForPrimary(written.reason)) await this.#takeBack(container, operation);
      throw written.reason;
    }
    if (answer.statusCode >= 400) await wish.revert();
    return answer;
  }

  async #amend(container: Container, body: Buffer | undefined): Promise<void> {
    const text = body?.toString() ?? '';
    if (text === '') return;
    const edit: RecordEdit = (record) => ({ ...record, terms: updated(record.terms, JSON.parse(text)) });
    await this.#deps.recorder.amend(container, { kind: 'update', body: text }, edit);
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
    await this.#deps.endpoint?.makeRoom(container);
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

const STARTED: EngineAnswer = { statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) };

/** What ends what an operation did. */
const OPPOSITES: Partial<Record<ContainerOperation['kind'], string>> = {
  start: 'stop',
  pause: 'unpause',
  unpause: 'pause',
};
/** Stopping takes as long as the container's grace period, in milliseconds. */
const TAKE_BACK_MS = 60_000;
