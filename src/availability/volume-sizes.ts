import pLimit from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { ANSWERS, askEngine } from '../engine/answers.ts';

/** An engine walks its volumes to measure them: one that takes longer leaves sizes unknown, in milliseconds. */
const MEASURE_MS = 20_000;
const NODES_AT_ONCE = 8;
/** Of one reading, as long as nothing was copied: seen on a busy machine of two cores. */
const FIRST_BYTES_PER_SECOND = 40e6;

/** What volumes hold, as their engines say, and how fast copies of this manager were. */
export class VolumeSizes {
  readonly #cluster: Cluster;
  readonly #logger: Logger;
  #bytesPerSecond = FIRST_BYTES_PER_SECOND;

  constructor({ cluster, logger }: { readonly cluster: Cluster; readonly logger: Logger }) {
    this.#cluster = cluster;
    this.#logger = logger;
  }

  /** Of one reading of a volume. */
  get bytesPerSecond(): number {
    return this.#bytesPerSecond;
  }

  /** Learns from a copy; short ones say nothing. */
  note(bytes: number, ms: number): void {
    if (bytes < 1e6 || ms <= 0) return;
    this.#bytesPerSecond = (this.#bytesPerSecond + (bytes * 1_000) / ms) / 2;
  }

  /** Sizes in bytes by node ID and volume, of nodes that answer in time. Never rejects. */
  async measure(nodeIds: readonly string[]): Promise<ReadonlyMap<string, ReadonlyMap<string, number>>> {
    const limit = pLimit(NODES_AT_ONCE);
    const nodes = [...new Set(nodeIds)].flatMap((id) => this.#cluster.node(id) ?? []);
    const measured = nodes.map((node) => limit(async () => [node.id, await this.#measureOn(node)] as const));
    return new Map(await Promise.all(measured));
  }

  async #measureOn(node: Node): Promise<ReadonlyMap<string, number>> {
    try {
      // Engines before API 1.42 measure everything.
      const request = { method: 'GET', path: '/system/df?type=volume', timeoutMs: MEASURE_MS };
      const { Volumes } = await askEngine(node.client, request, ANSWERS.usage);
      return new Map(
        (Volumes ?? []).flatMap(({ Name, UsageData }): [string, number][] => {
          const size = UsageData?.Size ?? -1;
          return size >= 0 ? [[Name, size]] : [];
        }),
      );
    } catch (error) {
      this.#logger.warn({ node: node.name, reason: reasonOf(error) }, 'sizes of volumes are not known');
      return new Map();
    }
  }
}
