import type { Cluster } from '../cluster/cluster.ts';
import type { ImageRecord } from '../cluster/images.ts';
import type { Node } from '../cluster/node.ts';
import { NotFoundError, reasonOf } from '../common/errors.ts';
import { asImageId, familiarReference, parseReference } from '../common/image-reference.ts';
import type { Logger } from '../common/logger.ts';
import { heldAs, likePlatformOf } from './holders.ts';
import { type CopyLimits, type CopyProgress, type CopyTally, ImageCopies } from './image-copies.ts';
import { registryRepositoriesOf } from './origin.ts';
import { pullOn } from './pull.ts';
import { SharedWork } from './shared-work.ts';
import { isTag, tagOn } from './tags.ts';

/** What a waiting caller may be told. */
export type DistributionProgress = CopyProgress | { readonly kind: 'pull'; readonly to: Node; readonly status: string };

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

export interface ImageDistributionDeps {
  readonly cluster: Cluster;
  readonly logger: Logger;
}

/** Makes an image that is somewhere be where it is needed: copied from engine to engine, or pulled. */
export class ImageDistribution {
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #copies: ImageCopies;
  readonly #pulls = new SharedWork<void, DistributionProgress>();

  constructor({ cluster, logger }: ImageDistributionDeps, limits: Partial<CopyLimits> = {}) {
    this.#cluster = cluster;
    this.#logger = logger;
    this.#copies = new ImageCopies({ cluster, logger }, limits);
  }

  /** Copies between engines so far. */
  get copyTally(): CopyTally {
    return this.#copies.tally;
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
   * Throws 404 `No such image: …` when no node has it, and 500 when copying it failed.
   */
  async ensureOn(node: Node, reference: string, options: EnsureOptions = {}): Promise<EnsuredImage> {
    const record = this.#cluster.images.find(reference, likePlatformOf(node));
    if (record && heldAs(this.#cluster.images, node, record.id))
      return this.#named(node, record.id, reference, options);
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
      await this.#copies.copyTo(node, id, options);
    } catch (error) {
      options.signal?.throwIfAborted();
      if (mayPull && (await this.#triedPull(node, reference, options))) return this.#found(node, reference);
      throw error;
    }
    return this.#named(node, id, reference, options);
  }

  /** No healthy node of its platform holds it. */
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

  /** Makes sure that the node knows the image by the reference, too. */
  async #named(node: Node, id: string, reference: string, { signal }: EnsureOptions): Promise<EnsuredImage> {
    const imageId = heldAs(this.#cluster.images, node, id) ?? id;
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

  /** False when it is pointless or failed. Only what is known to come from a registry is pulled: a name alone proves no origin. */
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
    const { digest, repository } = parseReference(reference);
    if (digest) return true;
    const holders = [...(this.#cluster.images.find(reference)?.holders.values() ?? [])];
    return holders.some((summary) => registryRepositoriesOf(summary).includes(repository));
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

function hasHealthyHolder(record: ImageRecord): boolean {
  for (const node of record.holders.keys()) if (node.isHealthy) return true;
  return false;
}

/** What Docker's CLI and Compose look for before they pull. */
export function noSuchImage(reference: string, more: string = ''): NotFoundError {
  return new NotFoundError(`No such image: ${asImageId(reference) ?? reference}${more}`, 'NO_SUCH_IMAGE');
}
