import { reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { RecordStore } from '../kv/record-store.ts';
import type { RecordViewDeps } from '../kv/record-view.ts';
import type { EndpointMemory, KeptEndpoint, KnownSubstrate, SubstrateMemory } from '../substrate/types.ts';

const KEY = 'known';
/** Pause before what could not be written is tried again, in milliseconds. */
const RETRY_MS = 30_000;

/** What is remembered of the substrate. It is looked after also while its memory cannot be written (a full disk); that is made up for later. */
export class SubstrateRecord implements SubstrateMemory {
  readonly #deps: RecordViewDeps;
  /** What could not be written yet, which counts. */
  #unsaved: KnownSubstrate | undefined;
  #retrying = new AbortController();

  constructor(deps: RecordViewDeps) {
    this.#deps = deps;
  }

  async load(): Promise<KnownSubstrate | undefined> {
    if (this.#unsaved) return this.#unsaved;
    const record = await this.#deps.records.get(KEY);
    return record && (JSON.parse(record.value) as KnownSubstrate);
  }

  /** Resolves when it is written, or will be tried again. Never rejects. */
  save(known: KnownSubstrate): Promise<void> {
    this.close();
    this.#retrying = new AbortController();
    this.#unsaved = known;
    return new Promise((resolve) => void this.#write(known, this.#retrying.signal, resolve).then(resolve, resolve));
  }

  /** A manager that starts afterwards forms the substrate anew instead of missing it. */
  async forget(): Promise<void> {
    await this.#deps.records.write([{ key: KEY }]);
  }

  /** Another manager may write from now on: what could not be written counts no more. Idempotent. */
  handOver(): void {
    this.close();
    this.#unsaved = undefined;
  }

  /** Tries no longer to write what could not be written. Idempotent. */
  close(): void {
    this.#retrying.abort(new Error('it is written no more'));
  }

  async #write(known: KnownSubstrate, signal: AbortSignal, onPause: () => void): Promise<void> {
    const { records, clock, logger } = this.#deps;
    const value = JSON.stringify(known);
    await retry(clock, () => records.write([{ key: KEY, value }]), {
      backoff: RETRY_MS,
      signal,
      onSetback: (setback) => {
        if ('error' in setback)
          logger.warn({ reason: reasonOf(setback.error) }, 'state: the substrate’s members could not be noted');
        onPause();
      },
    });
    if (this.#unsaved === known) this.#unsaved = undefined;
  }
}

/** The connections of containers whose engine left the substrate and is to join it again, by the engine. */
export class EndpointRecords implements EndpointMemory {
  readonly #records: RecordStore;

  constructor(records: RecordStore) {
    this.#records = records;
  }

  async load(): Promise<ReadonlyMap<string, readonly KeptEndpoint[]>> {
    const found = new Map<string, readonly KeptEndpoint[]>();
    await this.#records.snapshot(({ key, value }) => void found.set(key, JSON.parse(value) as KeptEndpoint[]));
    return found;
  }

  async save(memberId: string, endpoints: readonly KeptEndpoint[]): Promise<void> {
    const isEmpty = endpoints.length === 0;
    await this.#records.write([{ key: memberId, ...(!isEmpty && { value: JSON.stringify(endpoints) }) }]);
  }
}
