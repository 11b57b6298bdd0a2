import type { Cluster } from '../cluster/cluster.ts';
import type { ImageRecord, NodeChoice } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { EngineError, NotFoundError, reasonOf } from '../common/errors.ts';
import { asImageId, familiarReference, parseReference } from '../common/image-reference.ts';
import type { Logger } from '../common/logger.ts';
import { CopyError, copyImage } from './copy.ts';
import { type CopySlot, CopySlots } from './copy-slots.ts';
import { pullOn } from './pull.ts';
import { SharedWork } from './shared-work.ts';
import { isTag, tagOn } from './tags.ts';

/** What a waiting caller may be told. */
export type DistributionProgress =
  | { readonly kind: 'copy'; readonly from: Node; readonly to: Node; readonly bytes: number }
  | { readonly kind: 'pull'; readonly to: Node; readonly status: string };

export interface EnsureOptions {
  readonly signal?: AbortSignal | undefined;
  /** `X-Registry-Auth` for a pull. */
  readonly registryAuth?: string | undefined;
  readonly onProgress?: ((progress: DistributionProgress) => void) | undefined;
}

/** An image a node holds now. */
export interface EnsuredImage {
  readonly imageId: string;
  /** What the node knows it by: the reference asked for, or the ID where the node cannot know that reference. */
  readonly reference: string;
}

/** How many images may be on their way at once. */
export interface DistributionLimits {
  readonly copiesPerSource: number;
  readonly copiesInAll: number;
}

const DEFAULT_LIMITS: DistributionLimits = { copiesPerSource: 2, copiesInAll: 16 };

/** Makes an image that is somewhere be where it is needed: copied from engine to engine, or pulled. */
export class ImageDistribution {
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #slots: CopySlots;
  readonly #copies = new SharedWork<void, DistributionProgress>();
  readonly #pulls = new SharedWork<void, DistributionProgress>();

  constructor(cluster: Cluster, logger: Logger, limits: Partial<DistributionLimits> = {}) {
    this.#cluster = cluster;
    this.#logger = logger;
    const { copiesPerSource, copiesInAll } = { ...DEFAULT_LIMITS, ...limits };
    this.#slots = new CopySlots(copiesPerSource, copiesInAll);
  }

  /** Whether any node, healthy or not, is known to hold the image. */
  isKnown(reference: string): boolean {
    return this.#cluster.images.find(reference) !== undefined;
  }

  /** Labels of the image, which its containers inherit; empty when unknown. */
  labelsOf(reference: string): Readonly<Record<string, string>> {
    const record = this.#cluster.images.find(reference);
    for (const summary of record?.holders.values() ?? []) return summary.Labels ?? {};
    return {};
  }

  /**
   * Returns once the node holds what the cluster means by the reference; once per node and image, however many ask.
   * Throws 404 `No such image: …` when nobody can give it, and 500 when copying it failed.
   */
  async ensureOn(node: Node, reference: string, options: EnsureOptions = {}): Promise<EnsuredImage> {
    const record = this.#cluster.images.find(reference, likePlatformOf(node));
    if (record && this.#heldAs(node, record.id)) return this.#named(node, record.id, reference, options);
    // An archive carries tags, not digests: a digest is pulled if that is possible.
    const isCopiedFirst = record !== undefined && parseReference(reference).digest === undefined;
    if (!isCopiedFirst && (await this.#triedPull(node, reference, options))) return this.#found(node, reference);
    if (!record || !hasHealthyHolder(record)) return this.#lastResort(node, reference, options, isCopiedFirst);
    return this.#copied(node, record.id, reference, options, isCopiedFirst);
  }

  async #copied(
    node: Node,
    id: string,
    reference: string,
    options: EnsureOptions,
    mayPull: boolean,
  ): Promise<EnsuredImage> {
    try {
      await this.#copies.join(`${node.id} ${id}`, (signal, report) => this.#copy(node, id, signal, report), options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (mayPull && (await this.#triedPull(node, reference, options))) return this.#found(node, reference);
      throw error;
    }
    return this.#named(node, id, reference, options);
  }

  /** Nobody healthy of the node's platform holds it. */
  async #lastResort(node: Node, reference: string, options: EnsureOptions, mayPull: boolean): Promise<EnsuredImage> {
    if (mayPull && (await this.#triedPull(node, reference, options))) return this.#found(node, reference);
    throw noSuchImage(reference, this.#whereElse(node, reference));
  }

  #whereElse(node: Node, reference: string): string {
    const holders = [...(this.#cluster.images.find(reference)?.holders.keys() ?? [])];
    const away = holders.filter((holder) => !holder.isHealthy).map((holder) => holder.name);
    if (away.length > 0) return ` (only on ${away.join(', ')}, not reachable now)`;
    const { ostype, architecture } = node.builtins;
    return holders.length > 0 ? ` (not for ${ostype}/${architecture} as ${node.name} needs it)` : '';
  }

  /** The node's own ID for an image, undefined when it does not hold it. */
  #heldAs(node: Node, id: string): string | undefined {
    const held = this.#cluster.images.of(node);
    if (held.has(id)) return id;
    return [...this.#cluster.images.sameAs(id)].find((other) => held.has(other));
  }

  /** Makes sure that the node knows the image by the reference, too. */
  async #named(node: Node, id: string, reference: string, { signal }: EnsureOptions): Promise<EnsuredImage> {
    const imageId = this.#heldAs(node, id) ?? id;
    const { images } = this.#cluster;
    if (asImageId(reference) || images.meanings(reference).size === 0) return { imageId, reference: imageId };
    if (images.meanings(reference).get(node) === imageId) return { imageId, reference };
    if (!isTag(reference)) return { imageId, reference: imageId };
    await tagOn(node, imageId, reference, signal);
    await node.refreshImages();
    return { imageId, reference };
  }

  #found(node: Node, reference: string): EnsuredImage {
    const imageId = this.#cluster.images.meanings(reference).get(node);
    if (imageId === undefined) throw noSuchImage(reference, ` (${node.name} pulled it, but does not list it)`);
    return { imageId, reference };
  }

  async #copy(
    node: Node,
    id: string,
    signal: AbortSignal,
    report: (progress: DistributionProgress) => void,
  ): Promise<void> {
    const failed = new Map<Node, string>();
    const sources = (): readonly Node[] => {
      const holders = [...(this.#cluster.images.get(id)?.holders.keys() ?? [])];
      return holders.filter((holder) => holder.isHealthy && likePlatformOf(node)(holder) && !failed.has(holder));
    };
    for (;;) {
      const slot = await this.#slots.take(sources, signal);
      if (!slot) throw copyFailed(id, node, failed);
      try {
        // It may have come by another way while this waited for its turn.
        if (this.#heldAs(node, id)) return;
        return await this.#copyFrom(slot, node, id, signal, report);
      } catch (error) {
        signal.throwIfAborted();
        failed.set(slot.source, reasonOf(error));
        if (error instanceof CopyError && error.side === 'target') throw copyFailed(id, node, failed);
        this.#logger.warn(
          { image: id, from: slot.source.name, to: node.name, reason: reasonOf(error) },
          'copying an image failed',
        );
      } finally {
        slot.release();
      }
    }
  }

  async #copyFrom(
    { source }: CopySlot,
    node: Node,
    id: string,
    signal: AbortSignal,
    report: (progress: DistributionProgress) => void,
  ): Promise<void> {
    const guard = this.#whileHealthy(source, node);
    const names = this.#namesOn(source, id);
    let sent = 0;
    try {
      await copyImage(source.client, node.client, names, {
        signal: AbortSignal.any([signal, guard.signal]),
        onBytes: (bytes) => {
          sent = bytes;
          report({ kind: 'copy', from: source, to: node, bytes });
        },
      });
    } finally {
      guard.end();
    }
    await node.refreshImages();
    this.#noteOtherId(node, id, names);
    this.#logger.info({ image: names[0], from: source.name, to: node.name, bytes: sent }, 'image copied');
  }

  /** Health is the monitor's to judge; a copy has no deadline of its own, engines may be silent for minutes. */
  #whileHealthy(source: Node, target: Node): { readonly signal: AbortSignal; end(): void } {
    const stop = new AbortController();
    const end = this.#cluster.subscribe((event) => {
      if (event.kind !== 'node-state' || event.to === 'Healthy') return;
      if (event.node === target)
        stop.abort(new CopyError('target', `${target.name} became unhealthy: ${event.reason}`));
      if (event.node === source)
        stop.abort(new CopyError('source', `${source.name} became unhealthy: ${event.reason}`));
    });
    return { signal: stop.signal, end };
  }

  /** The tags that come along: those under which the cluster means this image, so that no stale one spreads. */
  #namesOn(source: Node, id: string): readonly string[] {
    const tags = this.#cluster.images.of(source).get(id)?.RepoTags ?? [];
    const current = tags.filter((tag) => !tag.startsWith('<none>') && this.#cluster.images.find(tag)?.id === id);
    return current.length > 0 ? current : [id];
  }

  /** Image stores may disagree about the ID: what the target calls the image is found by its name. */
  #noteOtherId(node: Node, id: string, names: readonly string[]): void {
    const { images } = this.#cluster;
    if (images.of(node).has(id)) return;
    const other = names.map((name) => images.meanings(name).get(node)).find((each) => each !== undefined);
    if (other === undefined) throw new CopyError('target', `${node.name} took the image, but does not list it`);
    images.noteSame(id, other);
    for (const name of names) if (isTag(name)) images.prefer(name, id);
  }

  /** False when it is pointless or failed. Only what is known to come from a registry is pulled: a name alone could be anybody's. */
  async #triedPull(node: Node, reference: string, options: EnsureOptions): Promise<boolean> {
    if (!this.#isFromRegistry(reference)) return false;
    const { registryAuth } = options;
    const key = `${node.id} ${familiarReference(reference)} ${registryAuth ?? ''}`;
    try {
      await this.#pulls.join(key, (signal, report) => pull(node, reference, registryAuth, signal, report), options);
      return true;
    } catch (error) {
      options.signal?.throwIfAborted();
      this.#logger.warn({ image: reference, node: node.name, reason: reasonOf(error) }, 'pulling an image failed');
      return false;
    }
  }

  #isFromRegistry(reference: string): boolean {
    if (asImageId(reference)) return false;
    if (parseReference(reference).digest) return true;
    const { repository } = parseReference(reference);
    for (const summary of this.#cluster.images.find(reference)?.holders.values() ?? []) {
      if ((summary.RepoDigests ?? []).some((digest) => parseReference(digest).repository === repository)) return true;
    }
    return false;
  }
}

async function pull(
  node: Node,
  reference: string,
  registryAuth: string | undefined,
  signal: AbortSignal,
  report: (progress: DistributionProgress) => void,
): Promise<void> {
  const query = new URLSearchParams({ fromImage: familiarReference(reference) });
  const onMessage = ({ status }: { readonly status?: string }): void => {
    if (status !== undefined) report({ kind: 'pull', to: node, status });
  };
  await pullOn(node.client, { query, registryAuth }, { signal, onMessage });
  await node.refreshImages();
}

function likePlatformOf(node: Node): NodeChoice {
  const { ostype, architecture } = node.builtins;
  return (other) => other.builtins.ostype === ostype && other.builtins.architecture === architecture;
}

function hasHealthyHolder(record: ImageRecord): boolean {
  for (const node of record.holders.keys()) if (node.isHealthy) return true;
  return false;
}

function copyFailed(id: string, node: Node, failed: ReadonlyMap<Node, string>): EngineError {
  const reasons = [...failed].map(([source, reason]) => `from ${source.name}: ${reason}`);
  const why = reasons.length > 0 ? reasons.join('; ') : 'no healthy node holds it any more';
  const cause = new Error(why);
  return new EngineError(`copy image ${id.slice(0, 19)} to node ${node.name}: ${why}`, 'IMAGE_COPY_FAILED', cause, 500);
}

/** What Docker's CLI and Compose look for before they pull. */
export function noSuchImage(reference: string, more: string = ''): NotFoundError {
  return new NotFoundError(`No such image: ${asImageId(reference) ?? reference}${more}`, 'NO_SUCH_IMAGE');
}
