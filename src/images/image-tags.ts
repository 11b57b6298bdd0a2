import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { onEach } from '../common/every-node.ts';
import { familiarReference } from '../common/image-reference.ts';
import type { Logger } from '../common/logger.ts';
import type { ImageDistribution } from './distribution.ts';
import { encodeReference, isTag, tagOn } from './tags.ts';

export interface ImageTagsDeps {
  readonly cluster: Cluster;
  readonly distribution: ImageDistribution;
  readonly logger: Logger;
}

/**
 * Keeps one meaning for each tag: after a build, a load or a tag on some nodes, the others must not go on calling an older
 * image by that name.
 */
export class ImageTags {
  readonly #cluster: Cluster;
  readonly #distribution: ImageDistribution;
  readonly #logger: Logger;
  readonly #stop = new AbortController();
  readonly #background = new Set<Promise<void>>();
  readonly #unsubscribe: () => void;

  constructor({ cluster, distribution, logger }: ImageTagsDeps) {
    this.#cluster = cluster;
    this.#distribution = distribution;
    this.#logger = logger;
    this.#unsubscribe = cluster.subscribe((event) => {
      if (event.kind !== 'engine-event' || event.event.Type !== 'image' || event.event.Action !== 'tag') return;
      const name = event.event.Actor.Attributes?.name;
      if (name) this.#cluster.images.prefer(name, event.event.Actor.ID);
    });
  }

  /**
   * Makes what `node` calls `reference` the meaning everywhere. Nodes that hold the image get the tag, nodes that hold
   * another one under it lose the tag; the model shows it when this resolves. Where the other image is still needed the
   * new one is copied to in the background, as engines have no other way to take a tag from an image and keep it.
   */
  async settle(node: Node, reference: string): Promise<void> {
    const id = this.#cluster.images.meanings(reference).get(node);
    if (id === undefined || !isTag(reference)) return;
    this.#cluster.images.prefer(reference, id);
    const same = this.#cluster.images.sameAs(id);
    const stale = [...this.#cluster.images.meanings(reference)].filter(
      ([other, meant]) => other !== node && !same.has(meant) && other.isHealthy,
    );
    const name = familiarReference(reference);
    const kept: Node[] = [];
    const outcomes = await onEach(
      stale.map(([other]) => other),
      async (other) => {
        if (this.#cluster.images.of(other).has(id)) await tagOn(other, id, name, this.#stop.signal);
        else if (this.#isDispensable(other, name, stale)) await untag(other, name, this.#stop.signal);
        else return void kept.push(other);
        await other.refreshImages();
      },
    );
    for (const [other, error] of outcomes.failed) {
      this.#logger.warn({ node: other.name, tag: name, reason: reasonOf(error) }, 'a tag stays on an older image');
    }
    for (const other of kept) this.#copyLater(other, name);
  }

  /** Stops following events and copying. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('the manager stops'));
    await Promise.all(this.#background);
  }

  /** Whether the older image may go from this node: no container there uses it, and a node that keeps it has it too. */
  #isDispensable(node: Node, name: string, stale: readonly (readonly [Node, string])[]): boolean {
    const older = this.#cluster.images.meanings(name).get(node);
    if (older === undefined || isInUse(node, older)) return false;
    const isStale = new Map(stale);
    for (const holder of this.#cluster.images.get(older)?.holders.keys() ?? []) {
      if (holder.isHealthy && (!isStale.has(holder) || isInUse(holder, older))) return true;
    }
    return false;
  }

  #copyLater(node: Node, name: string): void {
    const copy = this.#distribution.ensureOn(node, name, { signal: this.#stop.signal }).then(
      () => undefined,
      (error: unknown) => {
        if (this.#stop.signal.aborted) return;
        this.#logger.warn({ node: node.name, tag: name, reason: reasonOf(error) }, 'a tag stays on an older image');
      },
    );
    this.#background.add(copy);
    void copy.then(() => this.#background.delete(copy)); // Never rejects.
  }
}

/** Whether a container of the node, in any state, was made from the image. */
export function isInUse(node: Node, imageId: string): boolean {
  for (const container of node.containers.values()) if (container.imageId === imageId) return true;
  return false;
}

/** Without force, so that an engine that knows better refuses. */
async function untag(node: Node, name: string, signal: AbortSignal): Promise<void> {
  const path = `/images/${encodeReference(name)}?noprune=1`;
  await node.client.json<unknown>({ method: 'DELETE', path, signal });
}
