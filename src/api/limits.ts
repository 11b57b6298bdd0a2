/** Bounds of the API server; what exceeds them gets a Docker-shaped error or a closed connection, never more memory. */
export interface Limits {
  /** Client connections at one time, over all listeners; further ones are closed at once. */
  readonly maxConnections: number;
  /** Request head in bytes. Registry credentials travel in headers, so more than Node's 16 KiB. */
  readonly maxHeadBytes: number;
  /** From the first byte of a request to the end of its head, and for a TLS handshake, in milliseconds. */
  readonly headTimeoutMs: number;
  /** How long an idle keep-alive connection stays open, in milliseconds. */
  readonly keepAliveMs: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxConnections: 16_384,
  maxHeadBytes: 64 * 1024,
  headTimeoutMs: 20_000,
  keepAliveMs: 75_000,
};

/** Largest JSON body in bytes. Create bodies have a few KiB; compose configs embedded in labels rarely a MiB. */
export const MAX_JSON_BYTES: number = 16 * 1024 * 1024;
