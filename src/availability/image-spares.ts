import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Rest } from '../common/rest.ts';
import type { RecordChanged } from '../desired/desired-state.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ImageService } from '../images/image-service.ts';
import { type SpareNeed, type SpareNeedsDeps, spareNeeds } from './spare-needs.ts';

/** The longest pause after copies of one image that failed, in milliseconds. */
const MAX_RETRY_MS = 600_000;
/** One copy at a time: the next one does not wait any longer for it, in milliseconds. */
const MAX_COPY_MS = 1_800_000;

export interface ImageSparesDeps extends SpareNeedsDeps {
  readonly images: Pick<ImageService, 'ensureOn'>;
  /** False while the manager may be cut off: what it does not see may have the image. */
  readonly mayCopy: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** All in milliseconds. */
export interface ImageSparesTimes {
  /** From when an image is on one node only to its copy: what is tried out, or goes elsewhere at once, is not copied. */
  readonly settleMs: number;
  /** The same while a node that has it does not answer: it may only be starting anew. */
  readonly awayMs: number;
  /** Engines do not tell in time of images that were removed: a look without an occasion. */
  readonly lookMs: number;
  /** Between two looks at least. */
  readonly paceMs: number;
  /** After the first copy that failed; grows with each further one. */
  readonly retryMs: number;
}

const TIMES: ImageSparesTimes = { settleMs: 10_000, awayMs: 60_000, lookMs: 30_000, paceMs: 2_000, retryMs: 10_000 };

/** An image that wants one more holder. */
interface Open {
  readonly sinceMs: number;
  failures: number;
  /** Not tried again before, in milliseconds since the epoch. */
  notBeforeMs: number;
  /** IDs of nodes that failed to take it since all others had their turn. */
  readonly failedOn: Set<string>;
}

/** One span between start and stop. */
interface Run {
  readonly stop: AbortController;
  readonly end: () => void;
  readonly working: Promise<void>;
}

/**
 * Keeps images of which no registry is known on two nodes, of two failure domains where there are, as long as a container with them
 * should run and may move: otherwise it could not be made anew when its node is lost. One copy at a time; nothing is ever removed.
 */
export class ImageSpares {
  readonly #deps: ImageSparesDeps;
  readonly #policy: MovePolicy;
  readonly #times: ImageSparesTimes;
  /** By the image's ID. */
  readonly #open = new Map<string, Open>();
  readonly #rest: Rest;
  #run: Run | undefined;

  /** @param policy the cluster's, for containers that say nothing */
  constructor(deps: ImageSparesDeps, policy: MovePolicy, times: Partial<ImageSparesTimes> = {}) {
    this.#deps = deps;
    this.#rest = new Rest(deps.clock);
    this.#policy = policy;
    this.#times = { ...TIMES, ...times };
  }

  /** Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#run) return;
    const { cluster, desired } = this.#deps;
    const unsubscribe = cluster.subscribe((event) => {
      if (isOfNodes(event)) this.#rest.wake();
    });
    const unfollow = desired.subscribe((change) => {
      if (isOfPlacement(change)) this.#rest.wake();
    });
    const end = (): void => {
      unsubscribe();
      unfollow();
    };
    const stop = new AbortController();
    this.#run = { stop, end, working: this.#work(stop.signal) };
  }

  /** Resolves when nothing is under way any more; a copy that was is given up. Idempotent. */
  async stop(): Promise<void> {
    const run = this.#run;
    if (!run) return;
    this.#run = undefined;
    run.end();
    run.stop.abort(new Error('images are not kept on two nodes here any more'));
    await run.working;
    this.#open.clear();
  }

  /** Never rejects. */
  async #work(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#deps;
    const { paceMs, lookMs } = this.#times;
    while (!signal.aborted) {
      this.#rest.begin();
      // What woke it may not be listed yet.
      await clock.sleep(paceMs, signal).catch(() => undefined); // Stopped: the loop ends.
      const pauseMs = await this.#look(signal).catch((error: unknown) => {
        logger.error({ reason: reasonOf(error) }, 'images on one node only were not looked for');
        return lookMs;
      });
      await this.#rest.over(pauseMs, signal);
    }
  }

  /** Makes the first copy that is due; resolves with how long nothing else is, in milliseconds. */
  async #look(signal: AbortSignal): Promise<number> {
    const { clock, mayCopy } = this.#deps;
    if (signal.aborted) return 0;
    const needs = mayCopy() ? spareNeeds(this.#deps, this.#policy) : [];
    this.#note(needs);
    let nextMs = this.#times.lookMs;
    for (const need of needs) {
      const open = this.#open.get(need.imageId);
      if (!open) continue;
      const leftMs = this.#dueMs(need, open) - clock.elapsed();
      if (leftMs <= 0) {
        await this.#copy(need, open, signal);
        return 0;
      }
      nextMs = Math.min(nextMs, leftMs);
    }
    return nextMs;
  }

  #note(needs: readonly SpareNeed[]): void {
    const sinceMs = this.#deps.clock.elapsed();
    const needed = new Set(needs.map(({ imageId }) => imageId));
    for (const id of this.#open.keys()) if (!needed.has(id)) this.#open.delete(id);
    for (const id of needed)
      if (!this.#open.has(id)) this.#open.set(id, { sinceMs, failures: 0, notBeforeMs: 0, failedOn: new Set() });
  }

  #dueMs({ isAway }: SpareNeed, { sinceMs, notBeforeMs }: Open): number {
    const { settleMs, awayMs } = this.#times;
    return Math.max(notBeforeMs, sinceMs + (isAway ? awayMs : settleMs));
  }

  async #copy(need: SpareNeed, open: Open, stop: AbortSignal): Promise<void> {
    const { clock, images, logger } = this.#deps;
    const to = this.#choose(need, open);
    const told = { image: this.#nameOf(need), to: to.name };
    if (open.failures === 0) {
      const on = need.holders.map(({ name }) => name).join(', ');
      logger.info(
        { ...told, on, container: need.container.name },
        'an image that no registry has is kept elsewhere, too',
      );
    }
    try {
      await images.ensureOn(to, need.imageId, { signal: AbortSignal.any([stop, AbortSignal.timeout(MAX_COPY_MS)]) });
    } catch (error) {
      if (stop.aborted) return;
      open.failures += 1;
      open.failedOn.add(to.id);
      open.notBeforeMs =
        clock.elapsed() + backoffMs(open.failures, { baseMs: this.#times.retryMs, maxMs: MAX_RETRY_MS });
      const fields = { ...told, failures: open.failures, reason: reasonOf(error) };
      logger.warn(fields, 'an image was not copied to a second node; it is tried again');
    }
  }

  /** The one with the fewest images of those that did not fail yet; when all did, each has another turn. */
  #choose({ places }: SpareNeed, { failedOn }: Open): Node {
    const { images } = this.#deps.cluster;
    const untried = places.map((group) => group.filter(({ id }) => !failedOn.has(id))).find(({ length }) => length > 0);
    if (!untried) failedOn.clear();
    const group = untried ?? places[0] ?? [];
    return group.reduce((best, node) => (images.of(node).size < images.of(best).size ? node : best));
  }

  /** A name that people know, else its ID. */
  #nameOf({ imageId, holders }: SpareNeed): string {
    const { images } = this.#deps.cluster;
    const tags = holders.flatMap((node) => images.of(node).get(imageId)?.RepoTags ?? []);
    return tags.find((tag) => !tag.startsWith('<none>')) ?? imageId.slice(0, 19);
  }
}

function isOfNodes({ kind }: ClusterEvent): boolean {
  return kind === 'node-state' || kind === 'node-settings' || kind === 'node-removed';
}

function isOfPlacement({ before, after }: RecordChanged): boolean {
  if (!after) return false;
  return (
    before?.wanted !== after.wanted ||
    before.terms !== after.terms ||
    before.current.engineId !== after.current.engineId
  );
}
