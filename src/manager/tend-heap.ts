import type { Clock } from '../common/clock.ts';
import type { Heap } from './heap.ts';

/** What the start of a manager has come to. */
export interface StartProgress {
  /** Every node was tried once; it may never resolve. */
  readonly tried: Promise<void>;
  /** What is asked for behind the scenes of the nodes tried is known; it may never resolve. */
  readonly learnt: () => Promise<void>;
}

/** A smaller heap is not worth a pause, nor to be collected often: that was 15 % of the CPU time of a create + start. */
const LARGE_BYTES = 96 * 2 ** 20;
/** How long is waited for what is learnt behind the scenes, once every node was tried, in milliseconds. */
const LEARNT_MS = 30_000;
/** How often is looked whether a small heap has become a large one with its cluster, in milliseconds. */
const LOOK_MS = 60_000;

/**
 * Looks after the heap of a manager that has been started, until the signal. Never rejects.
 *
 * Garbage of the start is collected when every node was tried: before that most of it is in use. What is learnt then makes garbage again, which
 * is kept low, and collected when all is learnt. A small heap is left alone, and may grow by as much again as lives.
 */
export async function tendHeap(
  { tried, learnt }: StartProgress,
  heap: Heap,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const isSmall = (): boolean => heap.bytes < LARGE_BYTES;
  await tried;
  if (signal.aborted) return;
  if (!isSmall()) heap.collect();
  heap.growBy(isSmall() ? 100 : 10);
  await Promise.race([learnt(), slept(clock, LEARNT_MS, signal)]);
  if (signal.aborted) return;
  if (!isSmall()) heap.collect();
  if (isSmall()) await becomesLarge(heap, clock, signal);
  if (!signal.aborted) heap.growBy(30);
}

/** While it may grow by as much again as lives; resolves with the signal, too. */
async function becomesLarge(heap: Heap, clock: Clock, signal: AbortSignal): Promise<void> {
  heap.growBy(100);
  while (!signal.aborted && heap.bytes < 2 * LARGE_BYTES) await slept(clock, LOOK_MS, signal);
}

/** Also when the signal ended the wait. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  await clock.sleep(ms, signal).catch(() => undefined);
}
