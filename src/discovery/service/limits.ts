/** Bounds of a token service; each has a default in {@link DEFAULT_LIMITS}. */
export interface TokenServiceLimits {
  readonly maxBodyBytes: number;
  readonly maxTokens: number;
  readonly maxEntriesPerToken: number;
  /** Entries of all tokens together: what bounds the service's memory. */
  readonly maxEntries: number;
  /** Sockets open at once. */
  readonly maxConnections: number;
  /** Seconds an entry lives when the registration does not say. */
  readonly defaultTtlSeconds: number;
  readonly minTtlSeconds: number;
  readonly maxTtlSeconds: number;
  /** A token without registrations and questions for this long is forgotten. */
  readonly tokenIdleMs: number;
  /** Requests of one client address: how many at once, and how many a second after that. */
  readonly requests: RateLimit;
  /** Tokens made by one client address. */
  readonly creations: RateLimit;
}

/** A bucket of `burst` permissions that refills by `perSecond`. */
export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

const DAY_MS = 86_400_000;

/** Sized for some ten thousand engines behind one address, each with a heartbeat of a minute. */
export const DEFAULT_LIMITS: TokenServiceLimits = {
  maxBodyBytes: 4096,
  maxTokens: 100_000,
  maxEntriesPerToken: 10_000,
  maxEntries: 200_000,
  maxConnections: 4096,
  defaultTtlSeconds: 180,
  minTtlSeconds: 1,
  maxTtlSeconds: 604_800,
  tokenIdleMs: 90 * DAY_MS,
  requests: { burst: 1000, perSecond: 250 },
  creations: { burst: 30, perSecond: 0.5 },
};
