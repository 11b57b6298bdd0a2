import { reasonOf } from '../../../common/errors.ts';
import type { DriverContext } from '../../driver.ts';
import { DriverError } from '../../errors.ts';
import { isPlanned } from './planned.ts';

/** One kind of thing a driver makes, and how it is got rid of. */
export interface RemovableKind {
  /** As in the journal. */
  readonly kind: string;
  /** Identifiers of those that carry the machine's tags or name; asked afresh each time. */
  readonly list: () => Promise<readonly string[]>;
  /** Resolves when it is gone; one that is gone already is no error. */
  readonly remove: (id: string) => Promise<void>;
}

/**
 * How long a provider may take to list what it has just made. Only waited for when a process was lost between asking for
 * something and writing down its identifier.
 */
export const SETTLE_MS = 30_000;
const LOOK_EVERY_MS = 3_000;

/**
 * Removes what the journal names and what is found by tags, kind after kind, and forgets it. One failure does not keep it from trying
 * the rest; then it throws what failed first, and the journal keeps what is left.
 */
export async function removeAll(
  context: DriverContext<unknown>,
  kinds: readonly RemovableKind[],
  signal: AbortSignal,
): Promise<void> {
  let failure: unknown;
  for (const each of kinds) {
    signal.throwIfAborted();
    try {
      await removeKind(context, each, signal);
    } catch (error) {
      signal.throwIfAborted();
      failure ??= error;
    }
  }
  if (failure === undefined) return;
  if (failure instanceof DriverError) throw failure;
  throw new DriverError(
    `not everything could be removed: ${reasonOf(failure)}. Run the same command again`,
    'DRIVER',
    failure,
  );
}

async function removeKind(
  { journal, clock }: DriverContext<unknown>,
  { kind, list, remove }: RemovableKind,
  signal: AbortSignal,
): Promise<void> {
  const recorded = journal.resources.filter((each) => each.kind === kind);
  const isUncertain = recorded.some(({ id }) => id === undefined);
  const deadline = clock.now() + (isUncertain ? SETTLE_MS : 0);
  const known = new Set(recorded.map(({ id }) => id).filter((id) => id !== undefined && !isPlanned(id)));
  for (;;) {
    const found = new Set([...known, ...(await list())]);
    known.clear();
    for (const id of found) if (id !== undefined) await remove(id);
    if (found.size > 0 || clock.now() >= deadline) break;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
  for (const resource of recorded) await journal.forget(resource);
}
