import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { Notice } from '../notify/notice.ts';
import { DRILL_REASON } from './drills.ts';
import type { PlannedMove, PlannedNode } from './plan.ts';
import { WaitBoard } from './wait-board.ts';

export interface FailoverReportDeps {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  /** Told what operators should know; does not wait. */
  readonly tell: (notice: Notice) => void;
  readonly logger: Logger;
}

/** What a failover says: to operators, in the log, and in listings. */
export class FailoverReport {
  readonly waiting: WaitBoard;
  readonly #deps: FailoverReportDeps;
  /** Lost nodes that were told of, by ID, and why they were lost. */
  readonly #told = new Map<string, string>();

  constructor(deps: FailoverReportDeps) {
    this.#deps = deps;
    this.waiting = new WaitBoard((key, text) => this.#onWaiting(key, text));
  }

  /** Once for each loss. */
  lost({ id, name, reason }: PlannedNode & { readonly reason: string }): void {
    if (this.#told.has(id)) return;
    this.#told.set(id, reason);
    this.#deps.logger.warn({ node: name, reason }, 'node is lost: what should run on it is brought back elsewhere');
    this.#deps.tell({ event: 'node-lost', text: `node ${name} is lost: ${reason}`, node: name, why: reason });
  }

  /** A node is healthy; told where its loss was. */
  back({ id, name }: Node): void {
    for (const { key } of this.#deps.desired.index.onNode(id)) this.waiting.delete(key);
    const why = this.#told.get(id);
    if (why === undefined) return;
    this.#told.delete(id);
    const from = why === DRILL_REASON ? ' from a drill' : '';
    this.#deps.tell({ event: 'node-back', text: `node ${name} is back${from}`, node: name });
  }

  moved({ container, from, to, why }: PlannedMove): void {
    const { id, name } = container;
    const text = `container ${name} runs on ${to.name} now: ${why}`;
    this.#deps.tell({ event: 'moved', text, container: { id, name }, from: from.name, to: to.name, why });
  }

  failed({ container, to }: PlannedMove, error: unknown): void {
    const reason = reasonOf(error);
    const fields = { container: container.name, to: to.name, reason };
    this.#deps.logger.warn(fields, 'a container was not moved; it is tried again');
    this.wait(container.key, `moving it to ${to.name} failed: ${reason}`);
  }

  /** Once for each reason. */
  wait(key: string, why: string): void {
    const record = this.#deps.desired.get(key);
    if (!record || !this.waiting.set(key, why)) return;
    const { name, id = '', current } = record;
    const node = this.#deps.cluster.node(current.nodeId)?.name ?? current.nodeId;
    this.#deps.logger.warn({ container: name, node, reason: why }, 'a container waits');
    this.#deps.tell({ event: 'waiting', text: `container ${name} waits: ${why}`, container: { id, name }, node, why });
  }

  /** @param why undefined when containers are moved again */
  brake(why: string | undefined): void {
    const { logger, tell } = this.#deps;
    if (why === undefined) {
      logger.info('containers are moved again');
      tell({ event: 'brake-off', text: 'containers are moved again' });
    } else {
      logger.error(
        { reason: why },
        "no container is moved: this manager may be cut off ('enxame failover resume' when it is not)",
      );
      tell({ event: 'brake-on', text: `no container is moved: ${why}`, why });
    }
  }

  /** Shows in listings why a container waits, or stays. */
  #onWaiting(key: string, text: string | undefined): void {
    const { desired, cluster } = this.#deps;
    const current = desired.get(key)?.current;
    const node = current && cluster.node(current.nodeId);
    if (node && current.engineId !== undefined) cluster.setWaiting(node, current.engineId, text);
  }
}

/** Containers named in a warning. */
const MOST_NAMED = 5;

/** For `docker info`: containers that went with their nodes' data and are not made anew. */
export function emptiedWarnings({ cluster, desired }: FailoverReportDeps, waiting: WaitBoard): readonly string[] {
  const gone = [...desired.index.dataLost].filter(({ key }) => waiting.get(key) !== undefined);
  const named = gone.slice(0, MOST_NAMED).map(({ key, name, current }) => {
    const node = cluster.node(current.nodeId)?.name ?? current.nodeId;
    return `WARNING: container ${name} of node ${node} is gone: ${waiting.get(key)}. Bring the data back, or remove it with 'docker rm ${name}'`;
  });
  const more = gone.length - named.length;
  return more > 0 ? [...named, `WARNING: ${more} more containers are gone, see 'enxame failover status'`] : named;
}
