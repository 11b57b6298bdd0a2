import { randomBytes } from 'node:crypto';
import { BadRequestError } from '../common/errors.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import {
  NETWORK_RECORD_FORMAT,
  NETWORK_RECORDS,
  type NetworkRecord,
  readNetworkRecord,
  type SubstrateAge,
} from './network-record.ts';

/** What a network is recorded with before it is made. */
export type NetworkIntent = Pick<NetworkRecord, 'name' | 'body' | 'made' | 'labels'>;

/**
 * The cluster networks that clients created here and did not remove, durably. Each change is durable before it is shown. A network that
 * was made otherwise (at an engine, or by a version that kept no records) has none.
 */
export class NetworkRecords {
  readonly #view: RecordView<NetworkRecord>;
  /** Creates and removals of this process that are under way: nobody else decides about their records. */
  readonly #busy = new Set<string>();
  readonly #changes: { version: number };

  private constructor(view: RecordView<NetworkRecord>, changes: { version: number }) {
    this.#view = view;
    this.#changes = changes;
  }

  static async open(deps: RecordViewDeps): Promise<NetworkRecords> {
    const changes = { version: 0 };
    const view = await RecordView.open(deps, NETWORK_RECORDS, () => {
      changes.version += 1;
    });
    return new NetworkRecords(view, changes);
  }

  /** Grows with every change. */
  get version(): number {
    return this.#changes.version;
  }

  get size(): number {
    return this.#view.size;
  }

  /** Records nobody is working on. */
  idle(): readonly NetworkRecord[] {
    return this.all().filter(({ key }) => !this.#busy.has(key));
  }

  /** Whether somebody works on it. */
  isBusy(key: string): boolean {
    return this.#busy.has(key);
  }

  all(): readonly NetworkRecord[] {
    return [...this.#view.values()];
  }

  get(key: string): NetworkRecord | undefined {
    return this.#view.get(key);
  }

  /** The record of a network that exists, by the ID that clients see. */
  ofId(id: string): NetworkRecord | undefined {
    return this.all().find((record) => record.state === 'made' && record.id === id);
  }

  /** Runs work on a record; {@link idle} leaves it out meanwhile. */
  async during<T>(key: string, work: () => Promise<T>): Promise<T> {
    this.#busy.add(key);
    try {
      return await work();
    } finally {
      this.#busy.delete(key);
    }
  }

  /** A key for a network to come. */
  newKey(): string {
    return randomBytes(8).toString('hex');
  }

  /** Resolves when it is durable that a network is about to be made. */
  async intend(key: string, intent: NetworkIntent): Promise<void> {
    await this.#put({ format: NETWORK_RECORD_FORMAT, key, state: 'making', ...intent });
  }

  /** Resolves when it is durable that it exists as listed. Its ID for clients stays once it has one. */
  async settle(key: string, summary: NetworkSummary, seenIn: SubstrateAge, id: string = summary.Id): Promise<void> {
    const record = this.#view.get(key);
    // Removed meanwhile: it goes as soon as somebody looks.
    if (record && record.state !== 'removing')
      await this.#put({ ...record, state: 'made', id: record.id ?? id, summary, seenIn });
  }

  /** Takes in a network that bears a key of ours and has no record: its record was lost, or is older than what was restored. */
  async adopt(record: Omit<NetworkRecord, 'format'>): Promise<void> {
    await this.#put({ format: NETWORK_RECORD_FORMAT, ...record });
  }

  /** Resolves when it is durable that it is to go: nobody sees it from then on. */
  async remove(key: string): Promise<void> {
    await this.#change(key, 'removing');
  }

  /** It stays after all. */
  async keep(key: string): Promise<void> {
    const record = this.#view.get(key);
    if (record?.summary) await this.#change(key, 'made');
  }

  /** Resolves when nothing of it is kept, also when there was nothing. */
  async forget(key: string): Promise<void> {
    if (this.#view.has(key)) await this.#view.delete(key);
  }

  /** For a backup: plain JSON, with members that this version does not know. */
  export(): readonly NetworkRecord[] {
    return this.all();
  }

  /**
   * Takes in what {@link export} gave, leaving what is here as it is. Throws 400, having changed nothing, for what this version cannot read.
   * Changes no engine: the networks are made when the substrate does not have them.
   */
  async import(records: readonly unknown[]): Promise<void> {
    const read = records.map((value, i) => {
      const key = String((value as { readonly key?: unknown } | null)?.key ?? '');
      const record = readNetworkRecord(value, key);
      if (!record)
        throw new BadRequestError(
          `network ${i + 1} of the import is no network record of format ${NETWORK_RECORD_FORMAT}: import it with the version that wrote it, or a later one`,
          'BAD_NETWORK_RECORD',
        );
      return record;
    });
    const ids = new Set(this.all().flatMap(({ id }) => id ?? []));
    for (const record of read) {
      const { key, id = '' } = record;
      if (this.#view.has(key) || ids.has(id)) continue;
      if (id !== '') ids.add(id);
      await this.#put(record);
    }
  }

  close(): Promise<void> {
    return this.#view.close();
  }

  async #change(key: string, state: NetworkRecord['state']): Promise<void> {
    const record = this.#view.get(key);
    if (record && record.state !== state) await this.#put({ ...record, state });
  }

  async #put(record: NetworkRecord): Promise<void> {
    await this.#view.put(record.key, record);
  }
}
