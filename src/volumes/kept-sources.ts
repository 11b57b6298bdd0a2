import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import { inspectOn, removeOn } from './on-engines.ts';

/** Between two looks for those whose time is over, in milliseconds. */
const LOOK_MS = 300_000;
const CALL_MS = 30_000;

/** A volume that was copied elsewhere and is kept where it was for a while. */
export interface KeptSource {
  readonly nodeId: string;
  readonly volume: string;
  /** When its engine made it, in the engine's words: another volume of that name is not it. Empty when that was not learnt. */
  readonly createdAt: string;
  /** The name of the container that it moved with. */
  readonly container: string;
  /** It is the container's alone: no name means it. */
  readonly isAnonymous?: boolean;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

/** Knows what becomes of homes. */
export interface SourceOwner {
  /** Whether a volume with a name is still one that was left behind. */
  isLeft(kept: KeptSource): boolean;
  /** It is gone. */
  removed(kept: KeptSource): Promise<void>;
}

const MEMBERS = ['nodeId', 'volume', 'createdAt', 'container'] as const;
const FORMAT: RecordFormat<KeptSource> = { read: parse, write: (kept) => JSON.stringify(kept) };

export interface KeptSourcesDeps extends RecordViewDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Remembers the volumes that moves left behind, and removes each when its time is over, unless it is not what was left or something uses it. */
export class KeptSources {
  readonly #deps: KeptSourcesDeps;
  /** By `node ID/volume`. */
  readonly #records: RecordView<KeptSource>;
  readonly #timer: Timer;
  #owner: SourceOwner = { isLeft: () => false, removed: async () => undefined };
  #stop: AbortController | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(deps: KeptSourcesDeps, records: RecordView<KeptSource>) {
    this.#deps = deps;
    this.#records = records;
    this.#timer = deps.clock.coarseTimer(() => this.#look());
  }

  static async open(deps: KeptSourcesDeps): Promise<KeptSources> {
    return new KeptSources(deps, await RecordView.open(deps, FORMAT));
  }

  /** Sets who is asked and told. To be called once. */
  follow(owner: SourceOwner): void {
    this.#owner = owner;
  }

  /** Begins to look for those whose time is over. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    this.#look();
  }

  /** Resolves when nothing is being removed any more. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error('volumes are not looked after here any more'));
    this.#stop = undefined;
    this.#timer.stop();
    await this.#looking;
  }

  get(nodeId: string, volume: string): KeptSource | undefined {
    return this.#records.get(`${nodeId}/${volume}`);
  }

  /** Durable when it resolves. */
  keep(kept: KeptSource): Promise<void> {
    return this.#records.put(`${kept.nodeId}/${kept.volume}`, kept);
  }

  /** It is not left behind any more: it is somebody's, or gone. */
  async forget(nodeId: string, volume: string): Promise<void> {
    const key = `${nodeId}/${volume}`;
    if (this.#records.has(key)) await this.#records.delete(key);
  }

  /** Removes those whose time is over, on nodes that are reached. Never rejects. */
  async prune(signal: AbortSignal): Promise<void> {
    const { cluster, clock, logger } = this.#deps;
    for (const kept of [...this.#records.values()]) {
      const node = cluster.node(kept.nodeId);
      if (kept.untilMs > clock.now() || node?.id !== kept.nodeId || !node.isHealthy || signal.aborted) continue;
      const fields = { node: node.name, volume: kept.volume, container: kept.container };
      try {
        const isLeft = kept.isAnonymous === true || this.#owner.isLeft(kept);
        const isRemoved = isLeft && (await this.#remove(node, kept, signal));
        // Another one of its name is not meant by that name all the same.
        if (isRemoved) await this.#owner.removed(kept);
        await this.forget(kept.nodeId, kept.volume);
        if (isRemoved) logger.info(fields, 'the source of a volume that was moved is removed');
      } catch (error) {
        if (!signal.aborted)
          logger.warn(
            { ...fields, reason: reasonOf(error) },
            'the source of a volume that was moved is not removed yet',
          );
      }
    }
  }

  /** False when another one has its name by now; one that is gone is removed. */
  async #remove(node: Node, { volume, createdAt }: KeptSource, signal: AbortSignal): Promise<boolean> {
    try {
      const asked = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
      const found = (await inspectOn(node, volume, asked)) as VolumeSummary;
      if (createdAt !== '' && found.CreatedAt !== createdAt) return false;
      this.#deps.cluster.moves.quietVolume(node, volume, 'destroy');
      await removeOn(node, volume);
      return true;
    } catch (error) {
      if (error instanceof EngineAnswerError && error.status === 404) return true;
      throw error;
    }
  }

  #look(): void {
    const signal = this.#stop?.signal;
    if (!signal) return;
    this.#looking = this.prune(signal).finally(() => {
      if (!signal.aborted) this.#timer.start(LOOK_MS);
    });
  }
}

function parse(text: string): KeptSource | undefined {
  try {
    const value = JSON.parse(text) as Partial<KeptSource> | null;
    const isWhole = MEMBERS.every((member) => typeof value?.[member] === 'string') && Number.isFinite(value?.untilMs);
    return isWhole ? (value as KeptSource) : undefined;
  } catch {
    return undefined;
  }
}
