import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { RecordView, type RecordViewDeps, TEXT_RECORDS } from '../kv/record-view.ts';

export interface KnownHealthyDeps extends RecordViewDeps {
  readonly cluster: Cluster;
  /** Whether a node left the cluster while it did not answer, as far as is remembered over restarts. */
  readonly hasLeftLost?: ((nodeId: string) => boolean) | undefined;
}

/**
 * The nodes that were last known healthy, over restarts of the manager: what the manager must mostly reach to be sure that it is not the
 * one which is cut off. A node whose loss was dealt with does not count any more, until it is healthy again. One that left discovery counts on when it did
 * not answer: a registration that ran out says no more than silence.
 */
export class KnownHealthy {
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #names: RecordView<string>;
  readonly #hasLeftLost: (nodeId: string) => boolean;
  /** Those that left without answering, since the start. */
  readonly #left = new Set<string>();

  private constructor({ cluster, logger, hasLeftLost = () => false }: KnownHealthyDeps, names: RecordView<string>) {
    this.#cluster = cluster;
    this.#logger = logger;
    this.#names = names;
    this.#hasLeftLost = hasLeftLost;
    cluster.subscribe((event) => {
      if (event.kind === 'node-state' && event.to === 'Healthy') this.#add(event.node);
      if (event.kind === 'node-state' && event.to === 'Disconnected' && event.from === 'Unhealthy')
        this.#left.add(event.node.id);
      if (event.kind === 'node-removed' && !this.#left.has(event.node.id)) this.forget([event.node.id]);
    });
  }

  static async open(deps: KnownHealthyDeps): Promise<KnownHealthy> {
    return new KnownHealthy(deps, await RecordView.open(deps, TEXT_RECORDS));
  }

  /** Those of them that are in the cluster. */
  nodes(): readonly Node[] {
    return [...this.#names.keys()].flatMap((id) => {
      const node = this.#cluster.node(id);
      return node?.id === id ? node : [];
    });
  }

  /** The IDs of those of them that left the cluster without answering. */
  absent(): readonly string[] {
    return [...this.#names.keys()].filter(
      (id) => !this.#cluster.node(id) && (this.#left.has(id) || this.#hasLeftLost(id)),
    );
  }

  /** How many of all of them are healthy now. */
  sight(): { readonly answering: number; readonly nodes: number } {
    const nodes = this.nodes();
    const answering = nodes.filter(({ isHealthy }) => isHealthy).length;
    return { answering, nodes: nodes.length + this.absent().length };
  }

  /** They do not count any more. */
  forget(ids: Iterable<string>): void {
    for (const id of ids) {
      this.#left.delete(id);
      if (this.#names.has(id)) this.#background(this.#names.delete(id));
    }
  }

  #add({ id, name }: Node): void {
    this.#left.delete(id);
    if (!this.#names.has(id)) this.#background(this.#names.put(id, name));
  }

  /** What cannot be written is written when the node is healthy the next time. */
  #background(work: Promise<void>): void {
    work.catch((error: unknown) =>
      this.#logger.warn({ reason: reasonOf(error) }, 'which nodes are healthy cannot be written down'),
    );
  }
}
