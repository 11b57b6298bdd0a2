import { ClusterError } from '../common/errors.ts';
import { MultiMap } from '../common/multi-map.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';

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

interface Listener {
  onBuried: (nodeId: string) => void;
}

const FORMAT: RecordFormat<Tombstone> = { read: parse, write: (tombstone) => JSON.stringify(tombstone) };

/** Kept at most; a removal beyond is refused, because forgetting one would bring its container back. */
const MAX_TOMBSTONES = 10_000;

/** What was removed and is to be removed on its node yet; such a container is not shown, and its name is free. */
export class Tombstones {
  /** By the engine's ID of the container. */
  readonly #records: RecordView<Tombstone>;
  readonly #byNode: MultiMap<string, Tombstone>;
  readonly #listener: Listener;

  private constructor(records: RecordView<Tombstone>, byNode: MultiMap<string, Tombstone>, listener: Listener) {
    this.#records = records;
    this.#byNode = byNode;
    this.#listener = listener;
  }

  static async open(deps: RecordViewDeps): Promise<Tombstones> {
    const byNode = new MultiMap<string, Tombstone>();
    const listener: Listener = { onBuried: () => undefined };
    const records = await RecordView.open(deps, FORMAT, (_, after, before) => {
      if (before) byNode.remove(before.nodeId, before);
      if (!after) return;
      byNode.add(after.nodeId, after);
      listener.onBuried(after.nodeId);
    });
    return new Tombstones(records, byNode, listener);
  }

  /** Sets who is told of a node that a tombstone was added for; one follower at a time. Returns what ends it. */
  follow(onBuried: (nodeId: string) => void): () => void {
    this.#listener.onBuried = onBuried;
    return () => {
      this.#listener.onBuried = () => undefined;
    };
  }

  has(engineId: string): boolean {
    return this.#records.has(engineId);
  }

  get size(): number {
    return this.#records.size;
  }

  of(nodeId: string): readonly Tombstone[] {
    return this.#byNode.get(nodeId);
  }

  /** Resolves when it is durable, and holds from then on. Rejects with 503 when it cannot be kept. */
  async bury(tombstone: Tombstone): Promise<void> {
    if (this.size >= MAX_TOMBSTONES && !this.has(tombstone.engineId))
      throw new ClusterError(
        `${MAX_TOMBSTONES} containers of nodes that are down were removed already and wait for their nodes: bring these back first`,
        { code: 'TOO_MANY_TOMBSTONES', status: 503 },
      );
    await this.#records.put(tombstone.engineId, tombstone);
  }

  /** It is gone from its node. */
  async settle({ engineId }: Tombstone): Promise<void> {
    await this.#records.delete(engineId);
  }
}

function parse(text: string): Tombstone | undefined {
  try {
    const { engineId, nodeId, name, search } = JSON.parse(text) as Partial<Tombstone>;
    if (typeof engineId !== 'string' || typeof nodeId !== 'string' || typeof search !== 'string') return undefined;
    return { engineId, nodeId, name: typeof name === 'string' ? name : '', search };
  } catch {
    return undefined;
  }
}
