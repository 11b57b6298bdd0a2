import type { ContainerRecord } from '../desired/record.ts';
import type { CopyFacts } from './engine-copy.ts';

/** How the node of a record's container is: `doubtful` while it is not known for long enough that it is lost. */
export type Standing = 'healthy' | 'doubtful' | 'lost';

/** What becomes of a stale copy on a node that is reached. */
export type Verdict =
  /** It is stopped and removed. */
  | 'end'
  /** It is the container from now on. */
  | 'take-over'
  /** It stays as it is until more is known. */
  | 'wait';

/** What a verdict is about. */
export interface Case {
  readonly record: ContainerRecord;
  /** The stale copy. */
  readonly facts: CopyFacts;
  /** Of the node that the container is on. */
  readonly standing: Standing;
  /** The container, where it was asked for. */
  readonly current?: CopyFacts | undefined;
  /** The clock of the stale copy's engine minus that of the container's, in milliseconds. */
  readonly skewMs: number;
}

/**
 * A copy that is to be the container is never one of two that must not run at once; and no copy is ended while there is none that runs
 * instead, but for strict ones, which rather do not run at all. A copy that was never started is nothing to go back to.
 */
export function verdictOf({ record, facts, standing, current, skewMs }: Case): Verdict {
  const { wanted, ended, terms } = record;
  const isToRun = (wanted === 'running' || wanted === 'paused') && !ended;
  const isUsed = facts.isRunning || facts.startedMs > 0;
  if (!isToRun || !isUsed || terms.isStrict) return 'end';
  if (standing === 'lost') return 'take-over';
  if (standing === 'doubtful') return 'wait';
  const isKept = terms.keepsOld === true && facts.isRunning && current !== undefined;
  return isKept && facts.startedMs - skewMs < current.createdMs ? 'take-over' : 'end';
}
