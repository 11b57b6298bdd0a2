import type { Route } from './operations.ts';

/** Told of every call, in the turn in which it begins and ends; to be cheap. */
export interface CallObserver {
  /** A call was matched to its route. */
  began(route: Route): void;
  /**
   * It ended, `ms` milliseconds after it began. `status` is that of the answer, 101 for a connection that became a raw stream, and 0
   * when nothing was answered: the client left, or the manager stopped.
   */
  ended(route: Route, status: number, ms: number): void;
  /** A request that no route matches, or that was not let in. */
  refused(status: number): void;
}
