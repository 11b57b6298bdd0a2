import type { ContainerRecord, Copy } from '../desired/record.ts';

/** The container is the old copy again: a move of it that was still open is given up, and what it made must not run. */
export function givenBack(record: ContainerRecord, moveAttempt: string): ContainerRecord {
  const { move, ...rest } = record;
  if (move?.to.attempt !== moveAttempt) return record;
  return { ...rest, stale: [...(rest.stale ?? []), move.to] };
}

/** A stale copy is the container from now on, as a generation of its own; what was it until then must not run. */
export function takenOver(record: ContainerRecord, copy: Copy, presumed: Copy): ContainerRecord {
  const { move, stale = [], current, owedStop: _, dataLostMs: __, ...rest } = record;
  const isAsPresumed = current.attempt === presumed.attempt && stale.some(({ attempt }) => attempt === copy.attempt);
  if (!isAsPresumed) return record;
  const others = stale.filter(({ attempt }) => attempt !== copy.attempt);
  const generation = Math.max(current.generation, move?.to.generation ?? 0) + 1;
  return { ...rest, current: { ...copy, generation }, stale: [...others, current, ...(move ? [move.to] : [])] };
}

/** The copy that was to be stopped does not run any more. */
export function withoutOwedStop(record: ContainerRecord, attempt: string): ContainerRecord {
  const { owedStop, ...rest } = record;
  return owedStop && record.current.attempt === attempt ? rest : record;
}

/** A stale copy is gone from its engine. */
export function withoutStale(record: ContainerRecord, attempt: string): ContainerRecord {
  const { stale = [], ...rest } = record;
  const left = stale.filter((copy) => copy.attempt !== attempt);
  if (left.length === stale.length) return record;
  return left.length === 0 ? rest : { ...rest, stale: left };
}

/** The engine's ID of a stale copy was learnt from its label. */
export function withEngineId(record: ContainerRecord, attempt: string, engineId: string): ContainerRecord {
  const stale = record.stale?.map((copy) => (copy.attempt === attempt ? { ...copy, engineId } : copy));
  return stale ? { ...record, stale } : record;
}
