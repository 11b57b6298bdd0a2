/** What became of the calls to one engine; plain numbers that only grow, so that counting costs next to nothing. */
export interface CallTally {
  /** Answered, with less than 500. */
  answered: number;
  /** Answered with 500 or more. */
  refused: number;
  /** Not answered: unreachable, too late, or no HTTP. */
  failed: number;
  /** Given up by the caller, which says nothing of the engine. */
  abandoned: number;
}

/** Nothing counted yet. */
export function newCallTally(): CallTally {
  return { answered: 0, refused: 0, failed: 0, abandoned: 0 };
}
