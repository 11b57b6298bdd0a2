import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import type { Logger } from '../common/logger.ts';
import { type PlacementOptions, parsePlacement } from '../scheduler/placement.ts';
import type { Placer } from '../scheduler/placer.ts';
import { BuildSessions } from './build-sessions.ts';
import { ImageDistribution } from './distribution.ts';
import type { CopyLimits } from './image-copies.ts';
import { ImageTags } from './image-tags.ts';

/** Where `docker pull` pulls to: all healthy nodes, or one, from which the others copy when they need it. */
export type PullPolicy = 'all' | 'one';

export interface ImageServicesOptions {
  readonly cluster: Cluster;
  readonly placer: Placer<Node>;
  readonly logger: Logger;
  /** Default `all`, as Docker Swarm did. */
  readonly pull?: PullPolicy;
  readonly limits?: Partial<CopyLimits>;
}

/** Everything about images that needs no HTTP server. */
export class ImageServices {
  readonly distribution: ImageDistribution;
  readonly tags: ImageTags;
  readonly sessions: BuildSessions;
  readonly pullPolicy: PullPolicy;
  readonly #cluster: Cluster;
  readonly #placer: Placer<Node>;
  #builder: Node | undefined;
  readonly #builds = new Map<string, Node>();

  constructor(options: ImageServicesOptions) {
    const { cluster, logger } = options;
    this.#cluster = cluster;
    this.#placer = options.placer;
    this.pullPolicy = options.pull ?? 'all';
    this.distribution = new ImageDistribution(cluster, logger, options.limits);
    this.tags = new ImageTags(cluster, this.distribution, logger);
    this.sessions = new BuildSessions(cluster, this.tags, logger);
  }

  /**
   * The scheduler's choice for a build, recorded as a placement until it is released. `body` has the members of a create
   * body that matter (`Env`, `HostConfig`). Throws a SchedulingError.
   */
  beginPlacement(body: unknown, options: PlacementOptions = {}): PendingPlacement {
    const { request } = parsePlacement(body, options);
    return this.#cluster.beginPlacement(this.#placer.choose(request), request, {});
  }

  /**
   * The node where images come into being: builds that may run anywhere, BuildKit's sessions, loads and imports. One for all
   * clients as long as it is healthy, so that the build cache is used and an image finds the one it builds on. Throws a
   * SchedulingError when there is no healthy node.
   */
  get builder(): Node {
    if (this.#builder?.isHealthy && this.#cluster.nodes.includes(this.#builder)) return this.#builder;
    this.#builder = this.#placer.choose(parsePlacement({}).request);
    return this.#builder;
  }

  /** The {@link builder}, if there was one already. */
  get lastBuilder(): Node | undefined {
    return this.#builder;
  }

  /** Remembers where a build runs until the returned function is called. */
  beginBuild(buildId: string, node: Node): () => void {
    this.#builds.set(buildId, node);
    return () => void this.#builds.delete(buildId);
  }

  nodeOfBuild(buildId: string): Node | undefined {
    return this.#builds.get(buildId);
  }

  /** Ends what runs in the background. Idempotent. */
  close(): Promise<void> {
    return this.tags.close();
  }
}
