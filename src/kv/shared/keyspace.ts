/** Changes whenever a key is written; of one key, and while it exists, never the same twice. */
export type KeyVersion = number;

export interface KeyPair {
  readonly key: string;
  readonly value: string;
  readonly version: KeyVersion;
}

/** What a key has to be like for a change to be made. */
export interface KeyCondition {
  readonly key: string;
  readonly version: KeyVersion | 'absent';
}

/** Without `value` the key is removed; one that is not there is no failure. */
export interface KeyChange {
  readonly key: string;
  readonly value?: string;
}

export interface KeyspaceLimits {
  /** Bytes of one value. */
  readonly valueBytes: number;
  /** Bytes of all keys and values of one commit. */
  readonly commitBytes: number;
  /** Changes of one commit. */
  readonly changes: number;
}

/**
 * The keys of one cluster in a store that its managers share: what etcd, Consul and ZooKeeper have in common, and all that
 * {@link SharedStore} needs of them. A key is `folder/name`: a folder without a slash, and any printable name. Calls have a bound in time,
 * go on at another server of the store when one fails, and reject with a `ClusterError` of `store-errors.ts`.
 */
export interface Keyspace {
  readonly limits: KeyspaceLimits;
  /** The pairs as they are now, after every commit that was resolved before the call, whoever made it; undefined for keys that are not there. */
  get(keys: readonly string[]): Promise<readonly (KeyPair | undefined)[]>;
  /** The pairs of a folder by name. Those that change meanwhile are shown as they were or as they are. */
  list(folder: string): AsyncIterable<KeyPair>;
  /**
   * Makes all changes or none. Resolves with the new version of the first changed key, or with undefined when nothing was done because a
   * condition does not hold. Rejects with code `OUTCOME_UNKNOWN` when it may have been made or yet be made.
   */
  commit(conditions: readonly KeyCondition[], changes: readonly KeyChange[]): Promise<KeyVersion | undefined>;
  /** Resolves when the key is otherwise than `version`, when `signal` is aborted, and after some seconds in any case. */
  waitForChange(key: string, version: KeyVersion | 'absent', signal: AbortSignal): Promise<void>;
  /** Begins a session with a key of its own that nobody else has had or will have, and that exists as long as the session. */
  openSession(ttlMs: number): Promise<KeySession>;
  /** Ends what is under way; sessions end with their time to live. Idempotent. */
  close(): Promise<void>;
}

/** Ends unless it is kept alive. */
export interface KeySession {
  readonly key: string;
  readonly version: KeyVersion;
  /** How long it lives at least after each renewal, counted from its arrival; as the store gives it. */
  readonly ttlMs: number;
  /** Renews it; false when it has ended. Rejects when the store does not answer. */
  keepAlive(): Promise<boolean>;
  /** Ends it now. Never rejects: what the store cannot be told ends with the time to live. */
  end(): Promise<void>;
}
