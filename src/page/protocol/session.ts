export interface LoginBody {
  /** What stood behind `#` in the link of `enxame page`: it is good for one login, for two minutes. */
  readonly link: string;
}

export interface LoginAnswer {
  /** To be sent with every call; 43 characters. */
  readonly token: string;
}

export interface SessionAnswer {
  /** Of the manager's protocol: where it is not the page's own, the page tells its reader to reload. */
  readonly protocol: number;
  /** Of the manager. */
  readonly version: string;
  readonly cluster: ClusterName;
  /** Whether this session may change anything. */
  readonly actions: boolean;
  /** When the session ends at the latest. */
  readonly endsAt: number;
  /** What this manager has: a page shows no empty views. */
  readonly has: { readonly stats: boolean; readonly bill: boolean; readonly exec: boolean };
}

export interface ClusterName {
  /** Undefined without a state folder. */
  readonly id?: string;
  readonly name?: string;
}

/** Body of every answer of 400 and above. */
export interface PageError {
  /** One line for people. */
  readonly message: string;
  /** For programs, where there is one: `NO_SESSION`, `BAD_LINK`, `READ_ONLY`, `FOREIGN_PAGE`, `TOO_MANY`, … */
  readonly code?: string;
}
