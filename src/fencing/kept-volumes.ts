import type { Cluster } from '../cluster/cluster.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Timer } from '../common/timer.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import { removeVolume } from './engine-copy.ts';

/** How long the anonymous volumes of a copy that was removed are kept, in milliseconds. */
const KEEP_MS = 24 * 3_600_000;
/** Between two looks for those whose time is over, in milliseconds. */
const LOOK_MS = 600_000;
/** Copies remembered at most; volumes of those beyond it stay where they are. */
const MAX_KEPT = 10_000;

/** Anonymous volumes of a copy that a node had no use for any more. */
export interface KeptVolumes {
  readonly nodeId: string;
  /** The copy's ID there. */
  readonly engineId: string;
  readonly volumes: readonly string[];
  /** The container's name. */
  readonly container: string;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

const FORMAT: RecordFormat<KeptVolumes> = { read: parse, write: (kept) => JSON.stringify(kept) };

export interface VolumeKeeperDeps {
  readonly cluster: Cluster;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Remembers the anonymous volumes of copies that were removed, and removes them a day later: a move does not take them along. */
export class VolumeKeeper {
  readonly #deps: VolumeKeeperDeps;
  /** By the engine's ID of the copy. */
  readonly #records: RecordView<KeptVolumes>;
  readonly #timer: Timer;
  #stop: AbortController | undefined;
  #looking: Promise<void> = Promise.resolve();

  private constructor(deps: VolumeKeeperDeps, records: RecordView<KeptVolumes>) {
    this.#deps = deps;
    this.#records = records;
    this.#timer = deps.clock.coarseTimer(() => this.#look());
  }

  static async open(deps: VolumeKeeperDeps & RecordViewDeps): Promise<VolumeKeeper> {
    return new VolumeKeeper(deps, await RecordView.open(deps, FORMAT));
  }

  /** Begins to look for volumes whose time is over. Idempotent; may follow {@link stop}. */
  start(): void {
    if (this.#stop) return;
    this.#stop = sharedStop();
    this.#timer.start(LOOK_MS);
  }

  /** Resolves when nothing is being removed any more. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error('volumes are not looked after here any more'));
    this.#stop = undefined;
    this.#timer.stop();
    await this.#looking;
  }

  /** Durable when it resolves; to be awaited before the copy is removed. */
  async keep(kept: Omit<KeptVolumes, 'untilMs'>): Promise<void> {
    const { engineId, volumes, container } = kept;
    if (volumes.length === 0 || this.#records.has(engineId)) return;
    const { clock, logger } = this.#deps;
    if (this.#records.size < MAX_KEPT) return this.#records.put(engineId, { ...kept, untilMs: clock.now() + KEEP_MS });
    logger.warn({ container, volumes }, 'too many volumes are kept: these stay for good');
  }

  /** Removes those whose time is over, on nodes that are reached. */
  async prune(signal: AbortSignal): Promise<void> {
    const { cluster, clock, logger } = this.#deps;
    for (const { engineId, nodeId, volumes, untilMs, container } of [...this.#records.values()]) {
      const node = cluster.node(nodeId);
      if (untilMs > clock.now() || !node?.isHealthy) continue;
      try {
        // One that is in use by now is somebody's.
        for (const volume of volumes) await removeVolume(node, volume, signal);
        await this.#records.delete(engineId);
        logger.info({ node: node.name, container, volumes }, 'volumes of a copy that was replaced are removed');
      } catch (error) {
        if (signal.aborted) return;
        logger.warn(
          { node: node.name, container, reason: reasonOf(error) },
          'volumes of a former copy were not removed',
        );
      }
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

function parse(text: string): KeptVolumes | undefined {
  try {
    const { nodeId, engineId, volumes, container, untilMs } = JSON.parse(text) as Partial<KeptVolumes>;
    if (typeof nodeId !== 'string' || typeof engineId !== 'string' || typeof untilMs !== 'number') return undefined;
    if (!Array.isArray(volumes)) return undefined;
    return { nodeId, engineId, volumes: volumes.map(String), container: String(container), untilMs };
  } catch {
    return undefined;
  }
}
