import { z } from 'zod';
import { backoffMs } from '../../common/backoff.ts';
import type { Lease, LeaseOptions, LeaseStore } from '../lease.ts';
import type { Revision } from '../record-store.ts';
import type { Journal } from './journal.ts';
import { recordKey } from './journal.ts';
import { parsed, readRecordText } from './journal-text.ts';
import type { KeyPair, KeySession, Keyspace } from './keyspace.ts';
import { SharedLease, type SharedLeaseDeps } from './shared-lease.ts';
import { codeOf, isLastingStoreError, storeClosed } from './store-errors.ts';

/** Of the records that say whose a name is; no kind of a caller's has that name. */
const KIND = '~leases';
const BACKOFF = { baseMs: 100, maxMs: 1_000 } as const;

const Holding = z.object({ holder: z.string(), session: z.string() });

/** Whose a name is, or was: its holder's session has a key as long as the lease stands. */
interface Claim {
  readonly revision: Revision | 'absent';
  readonly holder?: string | undefined;
  /** Undefined when it has ended. */
  readonly session: KeyPair | undefined;
}

/**
 * Leases of a shared store. A name is held by the session that its record tells, as long as that session has its key; the record is
 * written in the journal's order, so that of many who find the session ended one takes the name.
 */
export class SharedLeases implements LeaseStore {
  readonly #journal: Journal;
  readonly #keys: Keyspace;
  readonly #deps: SharedLeaseDeps;
  readonly #held = new Set<SharedLease>();

  constructor(journal: Journal, keys: Keyspace, deps: SharedLeaseDeps) {
    this.#journal = journal;
    this.#keys = keys;
    this.#deps = deps;
  }

  async acquire(name: string, holder: string, { ttlMs, signal }: LeaseOptions): Promise<Lease> {
    for (let failures = 0; ; ) {
      signal.throwIfAborted();
      if (this.#journal.closed.aborted) throw storeClosed();
      const ended = AbortSignal.any([signal, this.#journal.closed]);
      try {
        const claim = await this.#claim(name);
        const lease = claim.session === undefined ? await this.#take(name, holder, claim, ttlMs) : undefined;
        if (lease && ended.aborted) await lease.release();
        else if (lease) return lease;
        else if (claim.session) await this.#keys.waitForChange(claim.session.key, claim.session.version, ended);
        failures = 0;
      } catch (error) {
        if (isLastingStoreError(error) && !ended.aborted) throw error;
        failures += 1;
        await this.#deps.clock.sleep(backoffMs(failures, BACKOFF), ended).catch(() => undefined);
      }
    }
  }

  async *holders(name: string, signal: AbortSignal): AsyncGenerator<string | undefined, void, void> {
    const ended = AbortSignal.any([signal, this.#journal.closed]);
    let told: { readonly holder: string | undefined } | undefined;
    while (!ended.aborted) {
      try {
        // Before the look, so that nothing falls between.
        const moved = this.#journal.nextMove(ended);
        const claim = await this.#claim(name);
        const holder = claim.session && claim.holder;
        if (told === undefined || told.holder !== holder) {
          told = { holder };
          yield holder;
        }
        // A name is taken by a write; it gets free with its session.
        if (claim.session) await this.#keys.waitForChange(claim.session.key, claim.session.version, ended);
        else await moved;
      } catch (error) {
        if (!ended.aborted) throw error;
      }
    }
  }

  /** Releases every lease. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.#held].map((lease) => lease.release()));
  }

  async #claim(name: string): Promise<Claim> {
    const [pair] = await this.#keys.get([recordKey(KIND, name)]);
    const record = readRecordText(pair?.value ?? '');
    if (record === undefined) return { revision: 'absent', session: undefined };
    const holding = parsed(Holding, record.value);
    const [session] = holding ? await this.#keys.get([holding.session]) : [];
    return { revision: record.revision, holder: holding?.holder, session };
  }

  /** Takes a name that is free; undefined when another one was faster. */
  async #take(name: string, holder: string, claim: Claim, ttlMs: number): Promise<SharedLease | undefined> {
    const since = this.#deps.uptimeMs();
    const session = await this.#keys.openSession(ttlMs);
    const term = await this.#record(name, holder, claim, session).catch(async (error: unknown) => {
      await session.end();
      if (codeOf(error) === 'LEASE_LOST') return undefined;
      throw error;
    });
    if (term === undefined) {
      await session.end();
      return undefined;
    }
    const lease = new SharedLease(this.#deps, { name, term, session, since });
    this.#held.add(lease);
    lease.lost.addEventListener('abort', () => this.#held.delete(lease), { once: true });
    return lease;
  }

  #record(name: string, holder: string, claim: Claim, session: KeySession): Promise<Revision | undefined> {
    const change = { kind: KIND, key: name, value: JSON.stringify({ holder, session: session.key }) };
    const fence = { lease: undefined, condition: { key: session.key, version: session.version } };
    return this.#journal.write(async () => {
      const [pair] = await this.#keys.get([recordKey(KIND, name)]);
      const revision = readRecordText(pair?.value ?? '')?.revision ?? 'absent';
      return revision === claim.revision ? { changes: [change], fence } : undefined;
    });
  }
}
