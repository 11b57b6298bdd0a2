/** Does the work for one value at a time, and of those that came meanwhile for the last one alone. `work` must not reject. */
export function latest<T>(work: (value: T) => Promise<void>): (value: T) => Promise<void> {
  let next: readonly [T] | undefined;
  let isBusy = false;
  return async (value) => {
    next = [value];
    if (isBusy) return;
    isBusy = true;
    for (let now = next as readonly [T] | undefined; now; now = next) {
      next = undefined;
      await work(now[0]);
    }
    isBusy = false;
  };
}
