import { randomUUID } from 'node:crypto';
import { sharedStop } from '../../common/abort.ts';
import { backoffMs } from '../../common/backoff.ts';
import type { Clock } from '../../common/clock.ts';
import { type Lease, leaseLost } from '../lease.ts';
import { Wakeups } from '../wakeups.ts';
import { revisionGone } from '../write-history.ts';
import {
  type EntryChange,
  entryText,
  headText,
  type JournalEntry,
  readEntryText,
  readHeadText,
  recordText,
} from './journal-text.ts';
import type { KeyChange, KeyCondition, KeyPair, Keyspace, KeyVersion } from './keyspace.ts';
import { codeOf, isLastingStoreError, storeError } from './store-errors.ts';

/** Entries the store keeps; a watch that needs older ones begins anew with a snapshot. */
const KEPT_ENTRIES = 1_000;
/** Entries kept in memory, so that the watches of all kinds read each once. */
const CACHED_ENTRIES = 256;
/** A longer entry refers to its records for their values. */
const MOST_INLINE_BYTES = 16 * 1024;
/** How long a write is tried, and its outcome looked for. */
const WRITE_WITHIN_MS = 10_000;
const BACKOFF = { baseMs: 50, maxMs: 1_000 } as const;
/** How long the store may be silent before watches say so. */
const SILENT_MS = 10_000;

const HEAD = 'journal/head';

interface Head {
  readonly revision: number;
  readonly version: KeyVersion | 'absent';
}

/** One write as it will be made. */
export interface JournalWrite {
  readonly changes: readonly { readonly kind: string; readonly key: string; readonly value?: string | undefined }[];
  /** Under which it is made: the key of the lease's session. */
  readonly fence?: { readonly lease: Lease | undefined; readonly condition: KeyCondition } | undefined;
}

/**
 * The order of all writes of a store. Each one sets the key `head` from the version it knows, and adds an entry of what it changes, in
 * one commit with the changes themselves. So writes have one order and successive revisions, whatever the store counts; what was read since the
 * head that a write expects is still so when it is made; and a write whose answer was lost is found again by its entry, or kept from
 * being made by setting the head again.
 */
export class Journal {
  readonly #keys: Keyspace;
  readonly #clock: Clock;
  /** The latest head that was seen. */
  #head: Head | undefined;
  readonly #moved = new Wakeups();
  readonly #entries = new Map<number, JournalEntry>();
  readonly #stop = sharedStop();
  #following: Promise<void> | undefined;
  #silence: { readonly since: number; readonly error: unknown } | undefined;

  constructor(keys: Keyspace, clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** Aborted when the journal is closed. */
  get closed(): AbortSignal {
    return this.#stop.signal;
  }

  /** The revision of the last write, as the store has it now. */
  async revision(): Promise<number> {
    return (await this.#readHead()).revision;
  }

  /** The write at a revision; undefined when it is not known any more. */
  async entry(revision: number): Promise<JournalEntry | undefined> {
    const cached = this.#entries.get(revision);
    if (cached) return cached;
    const [pair] = await this.#keys.get([entryKey(revision)]);
    const entry = pair && readEntryText(pair.value);
    if (entry) this.#remember(revision, entry);
    return entry;
  }

  /** The writes after a revision, as `RecordStore.watch` promises. */
  async *entries(
    after: number,
    signal: AbortSignal,
  ): AsyncGenerator<{ revision: number; entry: JournalEntry }, void, void> {
    const ended = AbortSignal.any([signal, this.#stop.signal]);
    this.#following ??= this.#follow();
    let seen = after;
    let head = this.#head?.revision ?? (await this.revision());
    // The caller may know more than what was seen here.
    if (seen > head) head = await this.revision();
    while (!ended.aborted) {
      if (seen > head) throw revisionGone(seen);
      if (seen < head) {
        const entry = await this.entry(seen + 1);
        if (entry === undefined) throw revisionGone(seen);
        seen += 1;
        yield { revision: seen, entry };
      } else {
        this.#assertHeard();
        await this.nextMove(ended);
      }
      head = this.#head?.revision ?? head;
    }
  }

  /** Resolves when there is another write, when the store has been silent for long, or when the signal is aborted. */
  nextMove(signal: AbortSignal): Promise<void> {
    this.#following ??= this.#follow();
    return this.#moved.next(signal);
  }

  /**
   * Makes a write and resolves with its revision. What it is, `prepare` is asked anew whenever the store may have changed since; it may
   * throw, or say with undefined that nothing is left to write.
   */
  async write(prepare: () => Promise<JournalWrite | undefined>): Promise<number | undefined> {
    const deadline = this.#clock.now() + WRITE_WITHIN_MS;
    for (let failures = 0; ; ) {
      const nonce = randomUUID();
      try {
        const head = this.#head ?? (await this.#readHead());
        const write = await prepare();
        if (write === undefined) return undefined;
        const revision = await this.#attempt(head, nonce, write, deadline);
        if (revision !== undefined) return revision;
        await this.#assertFenceStands(write);
      } catch (error) {
        if (codeOf(error) !== 'STORE_UNAVAILABLE' || this.#clock.now() > deadline) throw error;
      }
      failures += 1;
      if (this.#clock.now() > deadline)
        throw storeError('STORE_BUSY', 'the store was written by others so often that the write was given up');
      await this.#clock.sleep(backoffMs(failures, BACKOFF), this.#stop.signal);
    }
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#stop.abort(storeError('STORE_CLOSED', 'the store was closed'));
    await this.#following;
    this.#moved.wake();
  }

  /** One commit; undefined when the head or the fence is otherwise than it was known to be. */
  async #attempt(head: Head, nonce: string, write: JournalWrite, deadline: number): Promise<number | undefined> {
    const revision = head.revision + 1;
    const entry = entryOf(nonce, write);
    const changes: KeyChange[] = [
      { key: HEAD, value: headText({ revision, nonce }) },
      { key: entryKey(revision), value: entryText(entry) },
      ...write.changes.map(({ kind, key, value }) => recordChange(recordKey(kind, key), revision, value)),
    ];
    if (revision > KEPT_ENTRIES) changes.push({ key: entryKey(revision - KEPT_ENTRIES) });
    const conditions: KeyCondition[] = [{ key: HEAD, version: head.version }];
    if (write.fence) conditions.push(write.fence.condition);
    const version = await this.#keys.commit(conditions, changes).catch(async (error: unknown) => {
      if (codeOf(error) !== 'OUTCOME_UNKNOWN') throw error;
      return await this.#outcome(head, nonce, deadline, error);
    });
    if (version === undefined) {
      await this.#readHead();
      return undefined;
    }
    this.#remember(revision, entry);
    this.#see({ revision, version });
    return revision;
  }

  /** What became of a commit whose answer was lost: the head's version when it was made; undefined when it was not and never will be. */
  async #outcome(head: Head, nonce: string, deadline: number, lost: unknown): Promise<KeyVersion | undefined> {
    for (let failures = 1; ; failures++) {
      try {
        const now = await this.#readHead();
        if (now.revision > head.revision) {
          const entry = await this.entry(head.revision + 1);
          if (entry === undefined) break;
          return entry.nonce === nonce ? (now.version as KeyVersion) : undefined;
        }
        if (now.version !== head.version) return undefined;
        // Once the head is another one, the commit fails when it arrives late.
        await this.#keys.commit(
          [{ key: HEAD, version: head.version }],
          [{ key: HEAD, value: headText({ revision: head.revision, nonce: randomUUID() }) }],
        );
      } catch (error) {
        if (isLastingStoreError(error)) break;
        if (this.#clock.now() > deadline) break;
        await this.#clock.sleep(backoffMs(failures, BACKOFF), this.#stop.signal).catch(() => undefined);
      }
      if (this.#stop.signal.aborted) break;
    }
    this.#head = undefined;
    throw storeError('WRITE_UNKNOWN', 'the store did not say whether it has made the write', lost);
  }

  async #assertFenceStands({ fence }: JournalWrite): Promise<void> {
    if (fence === undefined) return;
    const [pair] = await this.#keys.get([fence.condition.key]);
    if (pair?.version === fence.condition.version) return;
    throw fence.lease?.lost.reason ?? leaseLost(fence.lease?.name ?? 'that was asked for', 'it has ended in the store');
  }

  async #readHead(): Promise<Head> {
    const [pair] = await this.#keys.get([HEAD]);
    return this.#see(headOf(pair));
  }

  #see(head: Head): Head {
    // Calls may be answered in another order than they were asked; a store that was emptied is seen by its absent head.
    const isOlder = this.#head !== undefined && head.revision < this.#head.revision && head.version !== 'absent';
    if (!isOlder) this.#head = head;
    this.#moved.wake();
    return head;
  }

  #remember(revision: number, entry: JournalEntry): void {
    this.#entries.set(revision, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= CACHED_ENTRIES) break;
      this.#entries.delete(oldest);
    }
  }

  /** Looks at the head whenever it changes, until the journal is closed. Never rejects. */
  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (this.#head) await this.#keys.waitForChange(HEAD, this.#head.version, signal);
        if (signal.aborted) return;
        await this.#readHead();
        failures = 0;
        this.#silence = undefined;
      } catch (error) {
        failures += 1;
        this.#silence = { since: this.#silence?.since ?? this.#clock.now(), error };
        if (this.#clock.now() - this.#silence.since > SILENT_MS) this.#moved.wake();
        await this.#clock.sleep(backoffMs(failures, BACKOFF), signal).catch(() => undefined);
      }
    }
  }

  #assertHeard(): void {
    if (this.#silence && this.#clock.now() - this.#silence.since > SILENT_MS) throw this.#silence.error;
  }
}

/** The key of a record. */
export function recordKey(kind: string, key: string): string {
  return `${recordFolder(kind)}/${key}`;
}

/** The folder of the records of one kind. */
export function recordFolder(kind: string): string {
  return `records-${kind}`;
}

function entryKey(revision: number): string {
  return `journal/${String(revision).padStart(16, '0')}`;
}

function recordChange(key: string, revision: number, value: string | undefined): KeyChange {
  return value === undefined ? { key } : { key, value: recordText(revision, value) };
}

function entryOf(nonce: string, { changes }: JournalWrite): JournalEntry {
  const bytes = changes.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
  if (bytes <= MOST_INLINE_BYTES) return { nonce, changes };
  const elsewhere = changes.map(
    ({ kind, key, value }): EntryChange => (value === undefined ? { kind, key } : { kind, key, isElsewhere: true }),
  );
  return { nonce, changes: elsewhere };
}

function headOf(pair: KeyPair | undefined): Head {
  if (pair === undefined) return { revision: 0, version: 'absent' };
  return { revision: readHeadText(pair.value).revision, version: pair.version };
}
