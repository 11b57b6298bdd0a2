import type { Cluster } from '../cluster/cluster.ts';
import { type NodeDirectory, versionOf } from '../cluster/node-directory.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { Availability } from '../scheduler/types.ts';
import type { PlannedNode } from './plan.ts';

/** A node that a plan empties. */
export interface LeavingNode extends PlannedNode {
  /** It took new containers before the plan. */
  readonly wasActive: boolean;
}

export interface LeavingNodesDeps {
  readonly cluster: Cluster;
  readonly desired: Pick<DesiredState, 'index'>;
  readonly nodes: Pick<NodeDirectory, 'find' | 'update'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was moved away is removed within that; a node that is being reached again after a start has as long. */
const SETTLE_TRIES = 60;
const SETTLE_MS = 1_000;

/** Nodes that a plan empties: they take nothing new while it is carried out, and nothing any more once they are empty. */
export class LeavingNodes {
  readonly #deps: LeavingNodesDeps;

  constructor(deps: LeavingNodesDeps) {
    this.#deps = deps;
  }

  /** As they are before the plan. */
  note(nodes: readonly PlannedNode[]): readonly LeavingNode[] {
    const { cluster } = this.#deps;
    return nodes.map(({ id, name }) => ({ id, name, wasActive: cluster.node(id)?.availability === 'active' }));
  }

  /** Idempotent, never rejects. */
  async pause(nodes: readonly LeavingNode[]): Promise<void> {
    for (const { id } of nodes)
      if (this.#deps.cluster.node(id)?.availability === 'active') await this.#say(id, 'pause');
  }

  /**
   * Drains what is empty; another one is as it was before, unless an operator said otherwise meanwhile. Leaves the rest as it is when stopped.
   * Never rejects.
   */
  async settle(nodes: readonly LeavingNode[], stop: AbortSignal): Promise<void> {
    for (let tries = 1; tries <= SETTLE_TRIES && nodes.some((node) => this.#isUnsettled(node)); tries++)
      await this.#deps.clock.sleep(SETTLE_MS, stop).catch(() => undefined);
    for (const { id, name, wasActive } of nodes) {
      if (stop.aborted) return;
      if (this.isEmpty({ id, name })) await this.#say(id, 'drain');
      else if (wasActive && this.#deps.cluster.node(id)?.availability === 'pause') await this.#say(id, 'active');
    }
  }

  /** It answers, and neither it nor the records of containers have anything on it. */
  isEmpty({ id }: PlannedNode): boolean {
    const node = this.#deps.cluster.node(id);
    if (!node?.isHealthy || this.#deps.desired.index.onNode(id).length > 0) return false;
    return [...node.containers.values()].every(({ isOfSwarm }) => isOfSwarm);
  }

  /** It is not reached yet, or what is on it has its record elsewhere by now. */
  #isUnsettled({ id }: PlannedNode): boolean {
    const { cluster, desired } = this.#deps;
    const node = cluster.node(id);
    if (!node || node.state === 'Pending') return true;
    if (!node.isHealthy || this.isEmpty(node)) return false;
    return (
      [...node.containers.values()].every(
        ({ isOfSwarm, id: containerId }) => isOfSwarm || desired.index.byId(containerId)?.current.nodeId !== id,
      ) && desired.index.onNode(id).length === 0
    );
  }

  async #say(id: string, availability: Availability): Promise<void> {
    const { cluster, nodes, logger } = this.#deps;
    try {
      if (cluster.node(id)?.availability === availability) return;
      const known = nodes.find(id);
      await nodes.update(id, versionOf(known), { labels: known.setting?.labels ?? {}, availability });
    } catch (error) {
      logger.warn({ node: id, reason: reasonOf(error) }, `a node could not be set to ${availability}`);
    }
  }
}
