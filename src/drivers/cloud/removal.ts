import type { Clock } from '../../common/clock.ts';
import { reasonOf } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { Resource } from '../journal.ts';
import { MADE_AT } from './ensure.ts';
import { isPlanned } from './planned.ts';

/** One kind of thing a driver makes, and how it is got rid of. */
export interface RemovableKind {
  /** As in the journal. */
  readonly kind: string;
  /** Identifiers of those that carry the machine's tags or name; asked afresh each time. */
  readonly list: () => Promise<readonly string[]>;
  /** Resolves when it is gone: true when it was there, false when the provider did not know it. */
  readonly remove: (id: string) => Promise<boolean>;
}

/**
 * How long a provider may take to know everywhere what it has just made (eventual consistency). Only waited for when something was
 * made a moment ago and is not known, or when a process was lost between asking for it and writing down its identifier.
 */
export const SETTLE_MS = 30_000;
export const LOOK_EVERY_MS = 3_000;

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
  context: DriverContext<unknown>,
  { kind, list, remove }: RemovableKind,
  signal: AbortSignal,
): Promise<void> {
  const { journal, clock } = context;
  const recorded = journal.resources.filter((each) => each.kind === kind);
  const isUncertain = recorded.some(({ id }) => id === undefined);
  const deadline = clock.now() + (isUncertain ? SETTLE_MS : 0);
  for (const resource of recorded) await removeRecorded(context, resource, remove, signal);
  const removeFound = async (): Promise<boolean> => {
    const found = await list();
    for (const id of found) await remove(id);
    return found.length > 0;
  };
  await untilKnown(clock, removeFound, deadline, signal);
  for (const resource of recorded) await journal.forget(resource);
}

/** What was made a moment ago and is not known is asked for again until it should be. */
async function removeRecorded(
  { clock }: DriverContext<unknown>,
  { id, details }: Resource,
  remove: RemovableKind['remove'],
  signal: AbortSignal,
): Promise<void> {
  if (id === undefined || isPlanned(id)) return;
  const settledAt = Number(details?.[MADE_AT] ?? 0) + SETTLE_MS;
  await untilKnown(clock, () => remove(id), settledAt, signal);
}

/** Tries until the provider knows the thing, or should. */
async function untilKnown(
  clock: Clock,
  attempt: () => Promise<boolean>,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const until = (isKnown: boolean): boolean => isKnown;
  await retry(clock, attempt, { until, passes: () => false, backoff: LOOK_EVERY_MS, deadline, signal });
}
