import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { PendingPlacement } from '../cluster/placements.ts';
import { type PlacementOptions, parsePlacement } from '../scheduler/placement.ts';
import type { Placer } from '../scheduler/placer.ts';

export interface BuildsDeps {
  readonly cluster: Cluster;
  readonly placer: Placer<Node>;
}

/** Where images are built. */
export class Builds {
  readonly #deps: BuildsDeps;
  readonly #running = new Map<string, Node>();
  #builder: Node | undefined;

  constructor(deps: BuildsDeps) {
    this.#deps = deps;
  }

  /**
   * The scheduler's choice for a build, recorded as a placement until it is released. `body` has the members of a create
   * body that matter (`Env`, `HostConfig`). Throws a SchedulingError.
   */
  beginPlacement(body: unknown, options: PlacementOptions = {}): PendingPlacement {
    const { request } = parsePlacement(body, options);
    return this.#deps.cluster.beginPlacement(this.#deps.placer.choose(request), request, {});
  }

  /**
   * The node where images come into being: builds that may run anywhere, BuildKit's sessions, loads and imports. One for all
   * clients as long as it is healthy and active, so that the build cache is used and an image finds the one it builds on. Throws a
   * SchedulingError when there is no healthy node.
   */
  get builder(): Node {
    const before = this.#builder;
    if (before?.isHealthy && before.availability === 'active' && this.#deps.cluster.nodes.includes(before))
      return before;
    this.#builder = this.#deps.placer.choose(parsePlacement({}).request);
    return this.#builder;
  }

  /** The {@link builder}, if there was one already. */
  get lastBuilder(): Node | undefined {
    return this.#builder;
  }

  /** Remembers where a build runs until the returned function is called. */
  begin(buildId: string, node: Node): () => void {
    this.#running.set(buildId, node);
    return () => void this.#running.delete(buildId);
  }

  nodeOf(buildId: string): Node | undefined {
    return this.#running.get(buildId);
  }
}
