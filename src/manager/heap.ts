import v8 from 'node:v8';
import vm from 'node:vm';

/** The heap of the process. */
export interface Heap {
  /** What it has of the system: what lives, garbage and room. */
  readonly bytes: number;
  /** Sets how much it grows from one collection to the next. */
  growBy(percent: number): void;
  /**
   * Gives its garbage back to the system at once, and moves what lives together: V8 keeps room for as much as lives, over which that is scattered,
   * and a process that is idle would keep it for ever. It stops the process for some 0.2 s for each 100 MB that live, and takes as
   * much again as lives meanwhile.
   */
  collect(): void;
}

export const v8Heap: Heap = {
  get bytes() {
    return v8.getHeapStatistics().total_heap_size;
  },
  growBy: (percent) => v8.setFlagsFromString(`--heap-growing-percent=${percent}`),
  collect: () => {
    v8.setFlagsFromString('--expose-gc');
    const collect: unknown = vm.runInNewContext('gc');
    v8.setFlagsFromString('--no-expose-gc');
    if (typeof collect !== 'function') return;
    v8.setFlagsFromString('--compact-on-every-full-gc');
    collect();
    v8.setFlagsFromString('--no-compact-on-every-full-gc');
  },
};

/**
 * Sets how V8 keeps house; it concerns the whole process. To be called before the first engine is connected.
 *
 * - Short-lived objects are not allocated as old ones. While a manager connects to its engines nearly everything made on the way
 *   stays: sockets and their parts, thousands of them. V8 concludes that what is made in these places (the same that
 *   serve every request later) lives long and puts it among the old objects at once, where only a collection of the whole
 *   heap finds that it is dead. With 2,000 engines each request cost twice the CPU time (Node 20).
 * - One thread collects young objects. Little survives, and waking four threads for it cost more than it saved: 8 % of the CPU time of a create + start.
 * - The heap is collected when it has grown by 30 %, not by as much again: at a start with 30,000 recorded containers it grew to 330 MB while
 *   no more than 170 lived. What follows the start is the matter of `tendHeap`.
 */
export function tuneHeap(): void {
  v8.setFlagsFromString('--no-allocation-site-pretenuring');
  v8.setFlagsFromString('--no-parallel-scavenge');
  v8Heap.growBy(30);
}
