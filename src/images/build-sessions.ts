import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { coalesced } from '../common/coalesced.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { ImageTags } from './image-tags.ts';

/** A node with BuildKit's sessions open. */
interface Building {
  sessions: number;
  /** Which image each tag meant there when it was last made the cluster's meaning. */
  tags: ReadonlyMap<string, string>;
}

export interface BuildSessionsDeps {
  readonly cluster: Cluster;
  readonly tags: ImageTags;
  readonly logger: Logger;
}

/**
 * BuildKit writes images inside its sessions, which are not read here, and not every engine tells of the tags. As long as a session is
 * open, and until what it wrote is known, its node is asked first for any image: the tag of a build means the new image for the very
 * next request, also for the one that pushes it while its session is still open (`docker build --push`).
 */
export class BuildSessions {
  readonly #cluster: Cluster;
  readonly #tags: ImageTags;
  readonly #logger: Logger;
  readonly #building = new Map<Node, Building>();
  readonly #settleAll: () => Promise<void>;

  constructor({ cluster, tags, logger }: BuildSessionsDeps) {
    this.#cluster = cluster;
    this.#tags = tags;
    this.#logger = logger;
    this.#settleAll = coalesced(async () => {
      await Promise.all([...this.#building].map(([node, building]) => this.#settle(node, building)));
    });
  }

  /** A session begins on the node. The returned function ends it: it resolves when all tags written by then are the cluster's. */
  begin(node: Node): () => Promise<void> {
    const building = this.#building.get(node) ?? { sessions: 0, tags: this.#tagsOn(node) };
    building.sessions += 1;
    this.#building.set(node, building);
    return async () => {
      await this.settle();
      building.sessions -= 1;
      if (building.sessions === 0) this.#building.delete(node);
    };
  }

  /** Resolves when every tag that was written in a session before this call is the cluster's meaning. Never rejects; nothing to wait for without sessions. */
  async settle(): Promise<void> {
    if (this.#building.size > 0) await this.#settleAll();
  }

  async #settle(node: Node, building: Building): Promise<void> {
    if (!node.isHealthy) return;
    try {
      await node.refreshImages();
      const written = this.#tagsOn(node);
      for (const [tag, id] of written) if (building.tags.get(tag) !== id) await this.#tags.settle(node, tag);
      building.tags = written;
    } catch (error) {
      this.#logger.warn({ node: node.name, reason: reasonOf(error) }, 'listing the images of a build failed');
    }
  }

  #tagsOn(node: Node): ReadonlyMap<string, string> {
    const tags = new Map<string, string>();
    for (const { Id, RepoTags } of this.#cluster.images.of(node).values())
      for (const tag of RepoTags ?? []) if (!tag.startsWith('<none>')) tags.set(tag, Id);
    return tags;
  }
}
