import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry, type Setback } from '../common/retry.ts';
import type { CommittedWrite, RecordStore, RecordWrite, Revision, WriteOptions } from './record-store.ts';

/** What the records of a store mean. */
export interface RecordFormat<T> {
  /** Undefined for a text that no version of ours wrote: it is left as it is, and not shown. */
  read(text: string, key: string): T | undefined;
  write(value: T): string;
  /** A text just written reads as the value it was written from, which nobody changes: it is shown as it is, and not read again. */
  readonly readsAsWritten?: boolean;
}

/** Records that are texts, or mean something by being there. */
export const TEXT_RECORDS: RecordFormat<string> = { read: (text) => text, write: (text) => text };

export interface RecordViewDeps {
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Written<T> {
  readonly text: string;
  readonly value: T;
}

/** Told of a record that was written or removed, once the view shows it; also of those found at the opening. */
export type RecordListener<T> = (key: string, after: T | undefined, before: T | undefined) => void;

const BACKOFF = { baseMs: 100, maxMs: 10_000 } as const;

/**
 * What the records of a store mean, in memory, for questions that cannot wait. It follows the store and shows what is durable: its
 * own writes, too, are seen when the store tells them.
 */
export class RecordView<T> {
  readonly #deps: RecordViewDeps;
  readonly #format: RecordFormat<T>;
  readonly #onChange: RecordListener<T>;
  readonly #values = new Map<string, T>();
  readonly #stop = new AbortController();
  /** Every write up to this one is shown. */
  #revision: Revision = 0;
  /** Writes of its own that are not shown yet. */
  #waiting: { readonly revision: Revision; readonly resolve: () => void }[] = [];
  /** What its own writes meant, by key: their texts need not be read again when the store tells them. */
  readonly #written = new Map<string, Written<T>>();
  #hasEnded = false;
  #following: Promise<void> = Promise.resolve();

  private constructor(deps: RecordViewDeps, format: RecordFormat<T>, onChange: RecordListener<T>) {
    this.#deps = deps;
    this.#format = format;
    this.#onChange = onChange;
  }

  /** Reads what is there and follows it from then on, until the view or the store is closed. Rejects when the store cannot be read. */
  static async open<T>(
    deps: RecordViewDeps,
    format: RecordFormat<T>,
    onChange: RecordListener<T> = () => undefined,
  ): Promise<RecordView<T>> {
    const view = new RecordView(deps, format, onChange);
    await view.#read();
    view.#following = view.#follow();
    return view;
  }

  get size(): number {
    return this.#values.size;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  /** In the order they were first written; those found at the opening by key. */
  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  values(): IterableIterator<T> {
    return this.#values.values();
  }

  /** Resolves when the record is durable and shown. Rejects when it cannot be written; then nothing has changed. */
  async put(key: string, value: T, options: WriteOptions = {}): Promise<void> {
    await this.#writeValue(key, value, {}, options);
  }

  /** Like {@link put}, of several records at once: all of them change, or none. */
  async putAll(entries: readonly (readonly [key: string, value: T])[]): Promise<void> {
    await this.#write(entries.map(([key, value]) => ({ key, value: this.#format.write(value) })));
  }

  /**
   * Like {@link put}, if the record was last written at `expected`. Rejects with a `ConflictError` (code `RECORD_CHANGED`) when it
   * was not.
   */
  async replace(key: string, value: T, expected: Revision | 'absent'): Promise<void> {
    await this.#writeValue(key, value, { expected });
  }

  /** Resolves when the record is gone, durably, also when there was none. */
  async delete(key: string): Promise<void> {
    await this.#write([{ key }]);
  }

  /** Follows no longer; what is shown stays. Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(new Error('the view was closed'));
    await this.#following;
  }

  async #writeValue(
    key: string,
    value: T,
    condition: Pick<RecordWrite, 'expected'>,
    options?: WriteOptions,
  ): Promise<void> {
    const written: Written<T> = { text: this.#format.write(value), value };
    if (this.#format.readsAsWritten) this.#written.set(key, written);
    try {
      await this.#write([{ key, value: written.text, ...condition }], options);
    } finally {
      if (this.#written.get(key) === written) this.#written.delete(key);
    }
  }

  async #write(changes: readonly RecordWrite[], options?: WriteOptions): Promise<void> {
    const revision = await this.#deps.records.write(changes, options);
    if (this.#revision >= revision || this.#hasEnded) return;
    await new Promise<void>((resolve) => this.#waiting.push({ revision, resolve }));
  }

  /** Until the view or the store is closed. Never rejects. */
  async #follow(): Promise<void> {
    const { records, clock, logger } = this.#deps;
    const { signal } = this.#stop;
    let setbacks = 0;
    let sinceMs: number | undefined;
    const followed = retry(
      clock,
      async (attempt) => {
        sinceMs = undefined;
        if (attempt > 1) await this.#read();
        sinceMs = clock.elapsed();
        if (records.follow) return records.follow(this.#revision, (write) => this.#take(write), signal);
        for await (const write of records.watch(this.#revision, signal)) this.#take(write);
      },
      {
        signal,
        backoff: (_failures, setback) => {
          if (isBehind(setback)) return 0;
          // One outage is one story: what was followed for a while begins another.
          if (sinceMs !== undefined && clock.elapsed() - sinceMs >= BACKOFF.maxMs) setbacks = 0;
          setbacks += 1;
          return backoffMs(setbacks, BACKOFF);
        },
        onSetback: (setback) => {
          if (isBehind(setback) || !('error' in setback)) return;
          const level = setbacks === 1 ? 'warn' : 'debug';
          logger[level]({ reason: reasonOf(setback.error) }, 'state: records cannot be followed; trying again');
        },
      },
    );
    await followed.catch(() => undefined); // The view was closed.
    this.#hasEnded = true;
    this.#tellWaiting();
  }

  /** Shows what the store has now. Each text is read as it comes: all of them at once would be most of the memory of a start. */
  async #read(): Promise<void> {
    const gone = new Set(this.#values.keys());
    const found: (readonly [key: string, read: T | undefined])[] = [];
    const revision = await this.#deps.records.snapshot(({ key, value }) => {
      gone.delete(key);
      found.push([key, this.#valueOf(key, value)]);
    });
    for (const key of gone) this.#show(key, undefined);
    for (const [key, read] of found) this.#show(key, read);
    this.#reached(revision);
  }

  #take({ revision, changes }: CommittedWrite): void {
    for (const { key, value } of changes) this.#show(key, value === undefined ? undefined : this.#valueOf(key, value));
    this.#reached(revision);
  }

  #show(key: string, read: T | undefined): void {
    const before = this.#values.get(key);
    if (read === undefined) this.#values.delete(key);
    else this.#values.set(key, read);
    this.#onChange(key, read, before);
  }

  #reached(revision: Revision): void {
    this.#revision = revision;
    this.#tellWaiting();
  }

  #valueOf(key: string, text: string): T | undefined {
    const written = this.#written.get(key);
    return written?.text === text ? written.value : this.#format.read(text, key);
  }

  /** Those alone whose write is shown: the others would only wait again. */
  #tellWaiting(): void {
    if (this.#waiting.length === 0) return;
    const isShown = ({ revision }: { readonly revision: Revision }): boolean =>
      this.#hasEnded || revision <= this.#revision;
    const shown = this.#waiting.filter(isShown);
    if (shown.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => !isShown(each));
    for (const { resolve } of shown) resolve();
  }
}

/** Whether the store has forgotten writes that the view has not seen: reading everything anew helps at once. */
function isBehind(setback: Setback<unknown>): boolean {
  return 'error' in setback && (setback.error as { readonly code?: unknown }).code === 'REVISION_GONE';
}
