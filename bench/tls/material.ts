/** Keys and certificates of one benchmark run, as PEM. They live for hours and only on loopback. */
export interface TlsMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** What an engine of the fleet needs to serve mutual TLS: one certificate per block of nodes, valid for their addresses. */
export interface EngineTls {
  readonly ca: string;
  readonly key: string;
  readonly nodesPerCert: number;
  /** By block: node `n` uses `certs[floor(n / nodesPerCert)]`. */
  readonly certs: readonly string[];
}
