/** What `POST /enxame/v1/page/login` answers. */
export interface PageLogin {
  /** Where the page is, as the manager listens there. */
  readonly address: string;
  readonly scheme: 'http' | 'https';
  /** With the secret behind its `#`. */
  readonly path: string;
  readonly expiresInSeconds: number;
}

/** Makes links that log in once. */
export interface PageDoor {
  login(options: { readonly readOnly: boolean }): PageLogin;
}

/** Plans as pages show and apply them. The page of a replica asks the primary for them, which need not serve a page. */
export interface PagePlans {
  /** What a plan of that kind would do now, about these nodes. */
  view(kind: string, nodes: readonly string[], signal: AbortSignal): Promise<unknown>;
  /** Begins the plan whose digest, and nodes, `body` has. Throws 409 (`PLAN_CHANGED`) when it would be another one by now. */
  apply(kind: string, body: unknown, signal: AbortSignal): Promise<void>;
  /** Sets the availability of a node to that of `body`. */
  setAvailability(node: string, body: unknown): Promise<void>;
}
