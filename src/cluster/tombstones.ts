import { ClusterError } from '../common/errors.ts';
import type { DurableTexts } from './records.ts';

/** A container that a client removed while its node could not be asked. */
export interface Tombstone {
  /** The engine's ID of the container. */
  readonly engineId: string;
  /** The engine that holds it. */
  readonly nodeId: string;
  readonly name: string;
  /** The query of the removal, with its `?`. */
  readonly search: string;
}

/** Kept at most; a removal beyond is refused, because forgetting one would bring its container back. */
const MAX_TOMBSTONES = 10_000;

/** What was removed and is to be removed on its node yet; such a container is not shown, and its name is free. */
export class Tombstones {
  readonly #texts: DurableTexts;
  readonly #byNode = new Map<string, Map<string, Tombstone>>();
  readonly #ids = new Set<string>();

  constructor(texts: DurableTexts) {
    this.#texts = texts;
    for (const text of texts.list().values()) {
      const tombstone = parse(text);
      if (tombstone) this.#add(tombstone);
    }
  }

  has(engineId: string): boolean {
    return this.#ids.has(engineId);
  }

  get size(): number {
    return this.#ids.size;
  }

  of(nodeId: string): readonly Tombstone[] {
    return [...(this.#byNode.get(nodeId)?.values() ?? [])];
  }

  /** Resolves when it is durable, and holds from then on. Rejects with 503 when it cannot be kept. */
  async bury(tombstone: Tombstone): Promise<void> {
    if (this.#ids.size >= MAX_TOMBSTONES && !this.has(tombstone.engineId))
      throw new ClusterError(
        `${MAX_TOMBSTONES} containers of nodes that are down were removed already and wait for their nodes: bring these back first`,
        { code: 'TOO_MANY_TOMBSTONES', status: 503 },
      );
    await this.#texts.put(tombstone.engineId, JSON.stringify(tombstone));
    this.#add(tombstone);
  }

  /** It is gone from its node. */
  async settle({ engineId, nodeId }: Tombstone): Promise<void> {
    await this.#texts.delete(engineId);
    this.#ids.delete(engineId);
    const left = this.#byNode.get(nodeId);
    left?.delete(engineId);
    if (left?.size === 0) this.#byNode.delete(nodeId);
  }

  #add(tombstone: Tombstone): void {
    const { engineId, nodeId } = tombstone;
    const ofNode = this.#byNode.get(nodeId) ?? new Map<string, Tombstone>();
    ofNode.set(engineId, tombstone);
    this.#byNode.set(nodeId, ofNode);
    this.#ids.add(engineId);
  }
}

/** Undefined for what no version of ours wrote: it is left as it is. */
function parse(text: string): Tombstone | undefined {
  try {
    const { engineId, nodeId, name, search } = JSON.parse(text) as Partial<Tombstone>;
    if (typeof engineId !== 'string' || typeof nodeId !== 'string' || typeof search !== 'string') return undefined;
    return { engineId, nodeId, name: typeof name === 'string' ? name : '', search };
  } catch {
    return undefined;
  }
}
