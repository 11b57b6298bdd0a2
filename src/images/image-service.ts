import type { Cluster } from '../cluster/cluster.ts';
import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { firstAnswer, onEach } from '../common/every-node.ts';
import type { Logger } from '../common/logger.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { type Pruned, pruneEngines } from '../engine/prune.ts';
import type { Placer } from '../scheduler/placer.ts';
import { BuildSessions } from './build-sessions.ts';
import { Builds } from './builds.ts';
import { type EnsuredImage, type EnsureOptions, ImageDistribution, noSuchImage } from './distribution.ts';
import { holdersOf, spokesmanOf } from './holders.ts';
import type { CopyLimits } from './image-copies.ts';
import { ImageTags } from './image-tags.ts';
import { listOnNodes } from './listing.ts';
import { isAnswer } from './pull.ts';
import { type RemovedItem, removeImage } from './removal.ts';

/** Where `docker pull` pulls to: all healthy nodes, or one, from which the others copy when they need it. */
export type PullPolicy = 'all' | 'one';

export interface ImageServiceDeps {
  readonly cluster: Cluster;
  readonly placer: Placer<Node>;
  readonly logger: Logger;
}

export interface ImageServiceOptions {
  /** Default `all`, as Docker Swarm did. */
  readonly pull?: PullPolicy;
  readonly limits?: Partial<CopyLimits>;
}

/** A client's request, besides what it is about. */
export interface ImageRequest {
  /** The query with its `?`, or empty. */
  readonly search: string;
  readonly api: ApiVersion;
  readonly signal: AbortSignal;
}

/** Reading an image's configuration takes engines no longer than this, in milliseconds. */
const ASK_MS = 120_000;

/** The cluster's images as clients see them: each once, whichever nodes have it. One owner: the manager. */
export class ImageService {
  readonly distribution: ImageDistribution;
  readonly tags: ImageTags;
  readonly sessions: BuildSessions;
  readonly builds: Builds;
  readonly pullPolicy: PullPolicy;
  readonly #cluster: Cluster;
  readonly #logger: Logger;

  constructor({ cluster, placer, logger }: ImageServiceDeps, { pull = 'all', limits }: ImageServiceOptions = {}) {
    this.#cluster = cluster;
    this.#logger = logger;
    this.pullPolicy = pull;
    this.distribution = new ImageDistribution({ cluster, logger }, limits);
    this.tags = new ImageTags({ cluster, distribution: this.distribution, logger });
    this.sessions = new BuildSessions({ cluster, tags: this.tags, logger });
    this.builds = new Builds({ cluster, placer });
  }

  /** The image a reference means. Throws 404, also when only unreachable nodes have it. */
  async find(reference: string): Promise<ImageRecord> {
    const { images } = this.#cluster;
    await this.sessions.settle();
    // Not every engine tells of images that BuildKit wrote: the builder is asked before one is called unknown.
    const builder = this.builds.lastBuilder;
    if (!images.find(reference) && builder?.isHealthy) await builder.refreshImages();
    const record = images.find(reference);
    if (!record) throw noSuchImage(reference);
    if (spokesmanOf(record, new Set())) return record;
    const names = [...record.holders.keys()].map((node) => node.name).join(', ');
    throw noSuchImage(reference, ` (only on ${names}, not reachable now)`);
  }

  /** The images as the engines of these nodes list them now; a node that does not answer is left out, unless none answers. */
  async list(nodes: readonly Node[], request: ImageRequest): Promise<readonly ImageRecord[]> {
    const { records, failed } = await listOnNodes(nodes, request);
    this.#logFailures(failed, 'a node is missing in a list of images');
    return records;
  }

  /** An image's configuration as one of its holders tells it: always the same one while it answers. */
  async inspect(reference: string, request: ImageRequest): Promise<{ record: ImageRecord; answer: EngineAnswer }> {
    const record = await this.find(reference);
    return { record, answer: await this.#askHolder(record, 'json', request) };
  }

  async history(reference: string, request: ImageRequest): Promise<EngineAnswer> {
    return this.#askHolder(await this.find(reference), 'history', request);
  }

  /** Gives an image another name, on every node that has it; then the name means this image everywhere. */
  async tag(reference: string, name: string, { search, api, signal }: ImageRequest): Promise<void> {
    const record = await this.find(reference);
    const outcomes = await onEach(holdersOf(record), async (node) => {
      const path = `/images/${record.id}/tag${search}`;
      await node.client.json<unknown>({ method: 'POST', path, api, signal });
      await node.refreshImages();
    });
    const [error] = outcomes.failed.values();
    const [first] = outcomes.done.keys();
    if (!first) throw error;
    // A holder that failed gets the name when it needs it: the image is elsewhere under it.
    this.#logFailures(outcomes.failed, 'a node did not get a tag');
    await this.tags.settle(first, name);
  }

  /** Removes an image, or a name of it, wherever it is. Rejects with every failure, by node. */
  async remove(reference: string, request: ImageRequest): Promise<readonly RemovedItem[]> {
    await this.find(reference);
    return removeImage(this.#cluster.images, { reference, ...request });
  }

  /** Removes unused images on these nodes. Rejects with every failure, by node; the other nodes are pruned all the same. */
  prune(nodes: readonly Node[], { search, api, signal }: ImageRequest): Promise<Pruned> {
    const afterwards = (node: Node): Promise<void> => node.refreshImages();
    const path = `/images/prune${search}`;
    return pruneEngines(nodes, { path, list: 'ImagesDeleted', api, signal, timeoutMs: 0, afterwards });
  }

  /** See {@link ImageDistribution.isKnown}. */
  isKnown(reference: string): boolean {
    return this.distribution.isKnown(reference);
  }

  /** See {@link ImageDistribution.labelsOf}. */
  labelsOf(reference: string): Readonly<Record<string, string>> {
    return this.distribution.labelsOf(reference);
  }

  /** See {@link ImageDistribution.ensureOn}. */
  ensureOn(node: Node, reference: string, options: EnsureOptions = {}): Promise<EnsuredImage> {
    return this.distribution.ensureOn(node, reference, options);
  }

  /**
   * After a write on one node: lists its images and makes the names it gave the cluster's. Never rejects, because the
   * write is done; the monitor lists the node again by itself.
   */
  async settle(node: Node, references: readonly string[]): Promise<void> {
    try {
      await node.refreshImages();
      for (const reference of new Set(references)) await this.tags.settle(node, reference);
    } catch (error) {
      this.#logger.warn({ node: node.name, reason: reasonOf(error) }, 'listing images after a write failed');
    }
  }

  /** Ends what runs in the background. Idempotent. */
  close(): Promise<void> {
    return this.tags.close();
  }

  /** By ID, so that the answer is about the same image whichever node gives it. */
  #askHolder(record: ImageRecord, operation: string, { search, api, signal }: ImageRequest): Promise<EngineAnswer> {
    const path = `/images/${record.id}/${operation}${search}`;
    return firstAnswer(
      (asked: ReadonlySet<Node>) => spokesmanOf(record, asked),
      ({ client }) => client.request({ method: 'GET', path, api, signal, timeoutMs: ASK_MS }),
      (node, error) => {
        if (signal.aborted || isAnswer(error)) throw error;
        this.#logger.debug({ node: node.name, reason: reasonOf(error) }, 'another node is asked');
      },
    );
  }

  #logFailures(failed: ReadonlyMap<Node, unknown>, message: string): void {
    for (const [node, error] of failed) this.#logger.warn({ node: node.name, reason: reasonOf(error) }, message);
  }
}
