import type { Lease } from '../../src/kv/lease.ts';
import type { CommittedWrite, RecordStore, Revision } from '../../src/kv/record-store.ts';

/** What says that a store has no majority at present: on a busy machine its servers are longer about one than its clients try. */
const PASSING = new Set(['STORE_UNAVAILABLE', 'WRITE_UNKNOWN']);

/** Calls again while the store is not there. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!PASSING.has(codeOf(error))) throw error;
    }
  }
}

/** Writes one record once: what was written by an attempt whose outcome is unknown is not written again. */
export async function patientWrite(
  records: RecordStore,
  write: { readonly key: string; readonly value: string; readonly expected: Revision | 'absent' },
  lease?: Lease,
): Promise<Revision> {
  for (let failures = 0; ; failures++) {
    try {
      return await records.write([write], lease && { lease });
    } catch (error) {
      if (!PASSING.has(codeOf(error)) && failures === 0) throw error;
      const found = await patiently(() => records.get(write.key));
      if (found?.value === write.value) return found.revision;
      if (!PASSING.has(codeOf(error))) throw error;
    }
  }
}

/** Watches, and again after the last write that was told when the store was gone for long. */
export async function* patientWatch(records: RecordStore, after: Revision): AsyncGenerator<CommittedWrite, void, void> {
  for (let seen = after; ; ) {
    try {
      for await (const write of records.watch(seen, new AbortController().signal)) {
        seen = write.revision;
        yield write;
      }
      return;
    } catch (error) {
      if (!PASSING.has(codeOf(error))) throw error;
    }
  }
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
