import v8 from 'node:v8';
import vm from 'node:vm';

/**
 * Sets how V8 keeps house; it concerns the whole process. To be called before the first engine is connected.
 *
 * - Short-lived objects are not allocated as old ones. While a manager connects to its engines nearly everything made on the way
 *   stays: sockets and their parts, thousands of them. V8 concludes that what is made in these places (the same that
 *   serve every request later) lives long and puts it among the old objects at once, where only a collection of the whole
 *   heap finds that it is dead. With 2,000 engines each request cost twice the CPU time (Node 20).
 * - One thread collects young objects. Little survives, and waking four threads for it cost more than it saved: 8 % of the CPU time of a create + start.
 * - The heap is collected when it has grown by 30 %, not by as much again: at a start with 30,000 recorded containers it grew to 330 MB while
 *   no more than 170 lived. A small one may grow by as much again once the manager has started ({@link returnGarbage}).
 */
export function tuneHeap(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
  v8.setFlagsFromString('--no-parallel-scavenge');
  growBy(30);
}

/** How much the heap grows from one collection to the next. */
function growBy(percent: number): void {
  v8.setFlagsFromString(`--heap-growing-percent=${percent}`);
}

/** A smaller heap is not worth a pause, nor to be collected often: that was 15 % of the CPU time of a create + start. */
const LARGE_BYTES = 96 * 2 ** 20;

/**
 * Gives the garbage of a start back to the system at once: V8 keeps room for as much as lives, and a manager that is idle would keep it
 * for ever. It stops the process for some 0.2 s for each 100 MB that live; a small heap may grow more from now on instead. With `isCompacted` what lives is moved together,
 * for what stays is scattered over all the room that there was: that takes twice as long, and as much again as lives meanwhile.
 */
export function returnGarbage({ isCompacted = false }: { readonly isCompacted?: boolean } = {}): void {
  const isLarge = v8.getHeapStatistics().total_heap_size >= LARGE_BYTES;
  growBy(isLarge ? 30 : 100);
  if (!isLarge) return;
  v8.setFlagsFromString('--expose-gc');
  const collect: unknown = vm.runInNewContext('gc');
  v8.setFlagsFromString('--no-expose-gc');
  if (typeof collect !== 'function') return;
  if (isCompacted) v8.setFlagsFromString('--compact-on-every-full-gc');
  collect();
  if (isCompacted) v8.setFlagsFromString('--no-compact-on-every-full-gc');
}
