import { type ContainerRecord, type Copy, type Ending, MAX_FORMER_IDS } from './record.ts';

/**
 * The record with another copy as its container, and the one before among those that must not run. In the turn in which this is durable the
 * model shows the one instead of the other; the new one must be listed by then, so that clients miss nothing.
 *
 * @param ended how it had ended before, when the new one was not started for that reason
 */
export function switched(
  { move, ended: _, owedStop: __, dataLostMs: ___, ...record }: ContainerRecord,
  to: Copy,
  ended?: Ending,
): ContainerRecord {
  const { current, stale = [] } = record;
  const others = stale.filter(({ attempt }) => attempt !== to.attempt);
  const arrived = move && { arrived: { from: current.nodeId, why: move.why, atMs: move.sinceMs } };
  return {
    ...record,
    ...formerIds(record, to),
    ...arrived,
    ...(ended && { ended }),
    current: to,
    stale: [...others, current],
  };
}

/** The record of a move that is about to be undone. */
export function undoing(record: ContainerRecord, attempt: string): ContainerRecord {
  const { move } = record;
  return move?.to.attempt === attempt && !move.isUndone ? { ...record, move: { ...move, isUndone: true } } : record;
}

/** The record without its open move; a copy that may exist is noted. */
export function undone(record: ContainerRecord, attempt: string, isGone: boolean): ContainerRecord {
  const { move, ...rest } = record;
  if (move?.to.attempt !== attempt) return record;
  return isGone ? rest : { ...rest, stale: [...(rest.stale ?? []), move.to] };
}

/** The record of a move whose volumes have all arrived. */
export function withCopied(record: ContainerRecord, attempt: string): ContainerRecord {
  const { move } = record;
  if (move?.to.attempt !== attempt || !move.carried) return record;
  return { ...record, move: { ...move, carried: { ...move.carried, isCopied: true } } };
}

/** The record once a copy that must not run is gone. */
export function withoutStale(
  { stale = [], ...record }: ContainerRecord,
  { attempt }: Pick<Copy, 'attempt'>,
): ContainerRecord {
  const rest = stale.filter((copy) => copy.attempt !== attempt);
  return rest.length === 0 ? record : { ...record, stale: rest };
}

/** The ID that clients see is none of them: it is kept for ever. */
function formerIds(
  { id, formerIds: earlier = [], current }: ContainerRecord,
  to: Copy,
): Pick<ContainerRecord, 'formerIds'> {
  const all = new Set(current.engineId === undefined ? earlier : [current.engineId, ...earlier]);
  const kept = [...all].filter((each) => each !== id && each !== to.engineId).slice(0, MAX_FORMER_IDS);
  return kept.length > 0 ? { formerIds: kept } : {};
}
