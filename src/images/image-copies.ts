import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { CopyError, copyImage } from './copy.ts';
import { type CopySlot, CopySlots } from './copy-slots.ts';
import { heldAs, likePlatformOf } from './holders.ts';
import { type JoinOptions, SharedWork } from './shared-work.ts';
import { isTag } from './tags.ts';

/** How far a copy is. */
export interface CopyProgress {
  readonly kind: 'copy';
  readonly from: Node;
  readonly to: Node;
  readonly bytes: number;
}

/** How many images may be on their way at once. */
export interface CopyLimits {
  readonly copiesPerSource: number;
  readonly copiesInAll: number;
}

/** A client that waits for a container hears nothing meanwhile: the log tells how far a copy is, this often in milliseconds. */
const TOLD_EVERY_MS = 10_000;
const DEFAULT_LIMITS: CopyLimits = { copiesPerSource: 2, copiesInAll: 16 };

/** Copies so far; but for `running` the numbers only grow. */
export interface CopyTally {
  running: number;
  copied: number;
  failed: number;
  /** Of images' archives, those of copies that failed or run included. */
  bytes: number;
}

export interface ImageCopiesDeps {
  readonly cluster: Cluster;
  readonly logger: Logger;
}

/** Copies images from engine to engine: once per node and image, however many ask. */
export class ImageCopies {
  readonly tally: CopyTally = { running: 0, copied: 0, failed: 0, bytes: 0 };
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  readonly #slots: CopySlots;
  readonly #running = new SharedWork<void, CopyProgress>();

  constructor({ cluster, logger }: ImageCopiesDeps, limits: Partial<CopyLimits> = {}) {
    this.#cluster = cluster;
    this.#logger = logger;
    const { copiesPerSource, copiesInAll } = { ...DEFAULT_LIMITS, ...limits };
    this.#slots = new CopySlots(copiesPerSource, copiesInAll);
  }

  /** Copies an image to a node from any healthy holder of its platform, from another one when one fails; the model shows it then. */
  copyTo(node: Node, id: string, options: JoinOptions<CopyProgress>): Promise<void> {
    return this.#running.join(`${node.id} ${id}`, (signal, report) => this.#copy(node, id, signal, report), options);
  }

  async #copy(node: Node, id: string, signal: AbortSignal, report: (progress: CopyProgress) => void): Promise<void> {
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
        if (heldAs(this.#cluster.images, node, id)) return;
        this.tally.running += 1;
        await this.#copyFrom(slot, node, id, signal, report).finally(() => {
          this.tally.running -= 1;
        });
        this.tally.copied += 1;
        return;
      } catch (error) {
        signal.throwIfAborted();
        this.tally.failed += 1;
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
    report: (progress: CopyProgress) => void,
  ): Promise<void> {
    const guard = this.#whileHealthy(source, node);
    const names = this.#namesOn(source, id);
    const told = { image: names[0], from: source.name, to: node.name };
    const ofBytes = this.#cluster.images.of(source).get(id)?.Size;
    this.#logger.info({ ...told, ofBytes }, 'copying an image');
    let sent = 0;
    let toldMs = Date.now();
    try {
      await copyImage(source.client, node.client, names, {
        signal: AbortSignal.any([signal, guard.signal]),
        onBytes: (bytes) => {
          this.tally.bytes += bytes - sent;
          sent = bytes;
          report({ kind: 'copy', from: source, to: node, bytes });
          if (Date.now() - toldMs < TOLD_EVERY_MS) return;
          toldMs = Date.now();
          this.#logger.info({ ...told, bytes, ofBytes }, 'an image is still being copied');
        },
      });
    } finally {
      guard.end();
    }
    await node.refreshImages();
    this.#noteOtherId(node, id, names);
    this.#logger.info({ ...told, bytes: sent }, 'image copied');
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
}

function copyFailed(id: string, node: Node, failed: ReadonlyMap<Node, string>): EngineError {
  const reasons = [...failed].map(([source, reason]) => `from ${source.name}: ${reason}`);
  const why = reasons.length > 0 ? reasons.join('; ') : 'no healthy node holds it any more';
  const cause = new Error(why);
  return new EngineError(`copy image ${id.slice(0, 19)} to node ${node.name}: ${why}`, 'IMAGE_COPY_FAILED', cause, 500);
}
