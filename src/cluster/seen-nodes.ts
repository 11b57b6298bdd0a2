import type { RecordStore } from '../kv/record-store.ts';
import type { NodeRecord } from './node-record.ts';

/** The nodes that were ever seen, over restarts of the manager. What is shown here is written by {@link write} and {@link forget}. */
export class SeenNodes {
  readonly #store: RecordStore;
  readonly #records = new Map<string, NodeRecord>();

  /** One record for each node. */
  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** To be called once, before anything else. */
  async load(): Promise<void> {
    await this.#store.snapshot(({ value }) => {
      const record = JSON.parse(value) as NodeRecord;
      this.#records.set(record.id, record);
    });
  }

  /** As they are now: what changes meanwhile is not in it. */
  all(): readonly NodeRecord[] {
    return [...this.#records.values()];
  }

  get(nodeId: string): NodeRecord | undefined {
    return this.#records.get(nodeId);
  }

  /** Where nodes were last seen that have not left. */
  entries(): readonly string[] {
    return this.all().flatMap(({ entry, left }) => (left ? [] : entry));
  }

  /** The one last seen at an entry: the one that has not left, else the one that left last. */
  lastAt(entry: string): NodeRecord | undefined {
    const there = this.all().filter((record) => record.entry === entry);
    const present = there.find(({ left }) => !left);
    return present ?? there.sort((a, b) => ((a.left?.at ?? '') < (b.left?.at ?? '') ? 1 : -1))[0];
  }

  /**
   * Whether a node that is not in the cluster is no more, so that what ran there does not: it did not answer when it left, another
   * engine took its place, or it was forgotten. One that left discovery while it was well goes on with what it runs.
   */
  isLost(nodeId: string): boolean {
    const record = this.#records.get(nodeId);
    return record === undefined || record.left?.isLost === true;
  }

  /** Whether a node left while it did not answer, or another engine took its place, and is remembered. */
  hasLeftLost(nodeId: string): boolean {
    return this.#records.get(nodeId)?.left?.isLost === true;
  }

  /** The name of a node that was seen; its ID for one that was forgotten. */
  nameOf(nodeId: string): string {
    return this.#records.get(nodeId)?.info.Name ?? nodeId;
  }

  /** When a node was reached for the first time, RFC 3339; undefined when that is not known. */
  seenAt(nodeId: string): string | undefined {
    return this.#records.get(nodeId)?.seenAt;
  }

  /** Shows a record from now on; it is durable once it was written. */
  set(record: NodeRecord): void {
    this.#records.set(record.id, record);
  }

  /** Shows a node no more; it is gone durably once it was forgotten. */
  delete(nodeId: string): void {
    this.#records.delete(nodeId);
  }

  async write(record: NodeRecord): Promise<void> {
    await this.#store.write([{ key: record.id, value: JSON.stringify(record) }]);
  }

  async forget(nodeId: string): Promise<void> {
    await this.#store.write([{ key: nodeId }]);
  }
}
