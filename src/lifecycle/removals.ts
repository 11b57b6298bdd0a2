import type { Container } from '../cluster/container.ts';
import { ConflictError, reasonOf } from '../common/errors.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { requirePresent } from './absent.ts';
import type { ProvisionalDeps } from './deps.ts';
import type { OperationCall, Removal } from './operations.ts';
import { refreshAfter } from './refresh.ts';

/** Removes containers: from their engines, or, while these are away, for clients first. */
export class Removals {
  readonly #deps: ProvisionalDeps;

  constructor(deps: ProvisionalDeps) {
    this.#deps = deps;
  }

  /** See `ContainerLifecycle.remove`. The container is settled, and no move of it begins. */
  async remove(container: Container, removal: Removal, { api, signal }: OperationCall): Promise<EngineAnswer> {
    const { isForced, link, search } = removal;
    const { node, engineId } = container;
    if (!node.isHealthy && link === undefined && (isForced || this.#isIdle(container)))
      return this.#bury(container, search);
    requirePresent(container);
    if (link !== undefined) return this.#removeLink(container, link, search, { api, signal });
    const path = `/containers/${engineId}${search}`;
    await this.#deps.networks.attachEnded(container, signal);
    const { endpoint } = this.#deps;
    if (isForced) await endpoint?.drain(container, 'stopped');
    try {
      const answer = await node.client.request({ method: 'DELETE', path, api, signal, timeoutMs: 0 });
      if (answer.statusCode < 300) {
        this.#deps.drafts.forget(container.id);
        const isRecorded = this.#deps.recorder.recordOf(container) !== undefined;
        try {
          await this.#deps.recorder.remove(container);
        } finally {
          this.#deps.cluster.removeContainer(node, engineId);
        }
        if (!isRecorded) await this.#deps.memory?.flush();
        await this.#forgetStop(container);
      }
      return answer;
    } catch (error) {
      // The node was lost meanwhile: whether it removed the container is seen when it returns.
      if (node.isHealthy || !isForced || signal.aborted) throw error;
      return this.#bury(container, search);
    } finally {
      if (isForced) endpoint?.resume(engineId);
    }
  }

  /**
   * Removes what is recorded of a container that no node shows, by its ID or name: its node left, or was not reached since the manager's start.
   * Resolves with undefined when there is no such record; rejects with 409 without force.
   */
  async removeRecorded(reference: string, { isForced }: Removal): Promise<EngineAnswer | undefined> {
    const { cluster, desired, tombstones } = this.#deps;
    const bare = reference.replace(/^\//, '');
    const record = desired.index.byName(bare) ?? desired.index.byId(bare);
    if (!record || this.#deps.attempts.isUnderWay(record.key)) return undefined;
    const { name, current, dataLostMs } = record;
    const isLost = dataLostMs !== undefined;
    if (!isLost && cluster.node(current.nodeId)?.isHealthy) return undefined;
    if (!isForced && !isLost)
      throw new ConflictError(`container ${name} is on a node that is away: remove it with force`, 'NODE_AWAY');
    const { engineId, nodeId } = current;
    if (engineId !== undefined && !isLost) await tombstones.bury({ engineId, nodeId, name, search: '?force=1&v=1' });
    await this.#deps.recorder.forget(record);
    return NO_CONTENT;
  }

  /** What does not run, and is not to, needs no force. */
  #isIdle(container: Container): boolean {
    const record = this.#deps.recorder.recordOf(container);
    if (record?.id === undefined) return false;
    return record.wanted === 'stopped' || record.wanted === 'created' || record.ended !== undefined;
  }

  /** A link goes by its name, `web/db`; one without the other container's name is the engine's to refuse. */
  async #removeLink(
    container: Container,
    link: string,
    search: string,
    { api, signal }: OperationCall,
  ): Promise<EngineAnswer> {
    const [parent, alias] = link.split('/').slice(-2);
    const isNamed = parent && alias && container.links.includes(`${parent}/${alias}`);
    const name = isNamed ? `${encodeURIComponent(parent)}/${encodeURIComponent(alias)}` : container.engineId;
    const path = `/containers/${name}${search}`;
    const answer = await container.node.client.request({ method: 'DELETE', path, api, signal });
    if (answer.statusCode < 300) await refreshAfter(this.#deps, container);
    return answer;
  }

  async #bury(container: Container, search: string): Promise<EngineAnswer> {
    const { node, id, engineId, name } = container;
    // Its engine may have started it by itself when it is back.
    await this.#deps.tombstones.bury({ engineId, nodeId: node.id, name, search: withForce(search) });
    await this.#deps.recorder.remove(container);
    this.#deps.drafts.forget(id);
    this.#deps.cluster.removeContainer(node, engineId);
    this.#deps.logger.warn(
      { node: node.name, container: name },
      'removed while its node is down: the engine removes it when the node returns',
    );
    return NO_CONTENT;
  }

  /** The container is gone whatever comes of this; a record that stays means nothing, for engines give no ID twice. */
  async #forgetStop({ name, engineId }: Container): Promise<void> {
    await this.#deps.stops.forget(engineId).catch((error: unknown) => {
      this.#deps.logger.warn({ container: name, reason: reasonOf(error) }, 'a record of a removed container stays');
    });
  }
}

function withForce(search: string): string {
  const query = new URLSearchParams(search);
  query.set('force', '1');
  return `?${query}`;
}

const NO_CONTENT: EngineAnswer = { statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) };
