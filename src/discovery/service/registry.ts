import { randomBytes } from 'node:crypto';
import type { Clock } from '../../common/clock.ts';
import { ClusterError, NotFoundError } from '../../common/errors.ts';
import type { EmbeddedChange, EmbeddedStore, Survival } from '../../kv/embedded.ts';
import type { TokenServiceLimits } from './limits.ts';

interface Cluster {
  /** Milliseconds since the epoch. */
  usedAt: number;
  /** Entry to the time it ends. */
  readonly entries: Map<string, number>;
  /** Told when the entries that live are others. */
  readonly waiting: Set<() => void>;
}

type Bounds = Pick<TokenServiceLimits, 'maxTokens' | 'maxEntriesPerToken' | 'maxEntries' | 'tokenIdleMs'>;

// Keys of the store: `token/TOKEN` holds the time of last use, `entry/TOKEN/ENTRY` the time the entry ends.
const TOKEN_KEY = 'token/';
const ENTRY_KEY = 'entry/';
const TOKEN_BYTES = 16;
// Use is remembered with this grain, so that questions do not cause writes.
const USE_GRAIN_MS = 3_600_000;
const LONGEST_SLEEP_MS = 3_600_000;

/** Tokens and their entries: in memory for reading, every change written through to the store when there is one. */
export class TokenRegistry {
  readonly #store: EmbeddedStore | undefined;
  readonly #clock: Clock;
  readonly #bounds: Bounds;
  readonly #clusters = new Map<string, Cluster>();
  /** What to add to the time that passes. */
  readonly #startMs: number;
  #entryCount = 0;

  private constructor(store: EmbeddedStore | undefined, clock: Clock, bounds: Bounds) {
    this.#store = store;
    this.#clock = clock;
    this.#bounds = bounds;
    this.#startMs = clock.now() - Math.round(clock.elapsed());
  }

  /** Milliseconds since the epoch as they were at the start, and from then on by the time that passed: a clock that is set ends no entry. */
  #now(): number {
    return this.#startMs + Math.round(this.#clock.elapsed());
  }

  /** A registry with what the store holds. It writes to the store, and leaves closing it to the caller. */
  static async load(store: EmbeddedStore | undefined, clock: Clock, bounds: Bounds): Promise<TokenRegistry> {
    const registry = new TokenRegistry(store, clock, bounds);
    if (store !== undefined) {
      for await (const [key, value] of store.pairs()) registry.#restore(key, Number(value));
    }
    await registry.purge();
    return registry;
  }

  /** Makes a cluster and resolves to its token, once that is durable. Rejects with code `TOO_MANY_TOKENS`. */
  async create(): Promise<string> {
    if (this.#clusters.size >= this.#bounds.maxTokens) {
      throw full('this service has as many tokens as it may', 'TOO_MANY_TOKENS');
    }
    const token = randomBytes(TOKEN_BYTES).toString('hex');
    const usedAt = this.#now();
    this.#clusters.set(token, { usedAt, entries: new Map(), waiting: new Set() });
    try {
      await this.#write([{ key: TOKEN_KEY + token, value: String(usedAt) }], 'power loss');
    } catch (error) {
      this.#clusters.delete(token);
      throw error;
    }
    return token;
  }

  /** Makes or renews an entry for `ttlMs`. Rejects with `UNKNOWN_TOKEN` or `TOO_MANY_ENTRIES`. */
  async register(token: string, entry: string, ttlMs: number): Promise<void> {
    const cluster = this.#cluster(token);
    const now = this.#now();
    const isNew = !cluster.entries.has(entry);
    const changes = isNew ? this.#makeRoom(token, cluster, now) : [];
    changes.push({ key: entryKey(token, entry), value: String(now + ttlMs) }, ...this.#use(token, cluster));
    // An engine that is in the cluster stays although its renewal cannot be written (a full disk): it is alive.
    if (isNew) this.#entryCount += 1;
    else this.#keep(cluster, entry, now + ttlMs);
    try {
      // Not synced: after a power cut the next heartbeat brings the entry back.
      await this.#write(changes, 'kill');
      if (isNew) await this.#admit(token, cluster, entry, now + ttlMs);
    } catch (error) {
      if (isNew) this.#entryCount -= 1;
      throw error;
    }
  }

  /** Lists an entry that is durable now. Rejects when its token was removed meanwhile. */
  async #admit(token: string, cluster: Cluster, entry: string, endsAt: number): Promise<void> {
    if (this.#clusters.get(token) !== cluster) {
      await this.#write([{ key: entryKey(token, entry) }], 'kill');
      throw new NotFoundError('unknown token', 'UNKNOWN_TOKEN');
    }
    // Two registered it at the same time: it was counted twice.
    if (cluster.entries.has(entry)) this.#entryCount -= 1;
    this.#keep(cluster, entry, endsAt);
  }

  #keep(cluster: Cluster, entry: string, endsAt: number): void {
    const endedAt = cluster.entries.get(entry) ?? 0;
    cluster.entries.set(entry, endsAt);
    // Who waits sleeps until the first entry ends, which this may be now.
    if (endedAt <= this.#now() || endsAt < endedAt) tell(cluster);
  }

  /** Forgets an entry; one that is not there is no failure. Rejects with `UNKNOWN_TOKEN`. */
  async deregister(token: string, entry: string): Promise<void> {
    const cluster = this.#cluster(token);
    if (!cluster.entries.has(entry)) return;
    await this.#write([{ key: entryKey(token, entry) }, ...this.#use(token, cluster)], 'kill');
    if (!cluster.entries.delete(entry)) return;
    // A token that was removed meanwhile has been counted out with its entries.
    if (this.#clusters.get(token) === cluster) this.#entryCount -= 1;
    tell(cluster);
  }

  /**
   * The entries that still live, as soon as `isKnown` denies them: at once, or when one comes, goes or ends. When the signal is aborted, as
   * they are then. Rejects with `UNKNOWN_TOKEN`, also when the token is forgotten meanwhile.
   */
  async listOther(
    token: string,
    isKnown: (entries: readonly string[]) => boolean,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    for (;;) {
      await this.#used(token);
      // Nothing can happen between this look and the wait.
      const cluster = this.#cluster(token);
      const entries = this.#live(cluster);
      if (signal.aborted || !isKnown(entries)) return entries;
      await this.#change(cluster, signal);
    }
  }

  async #change(cluster: Cluster, signal: AbortSignal): Promise<void> {
    const change = new AbortController();
    const onChange = (): void => change.abort();
    cluster.waiting.add(onChange);
    const now = this.#now();
    let firstEnd = now + LONGEST_SLEEP_MS;
    for (const endsAt of cluster.entries.values()) if (endsAt > now && endsAt < firstEnd) firstEnd = endsAt;
    // Rejects when the signal is aborted or something changed: both end the wait.
    await this.#clock.sleep(firstEnd - now, AbortSignal.any([signal, change.signal])).catch(() => undefined);
    cluster.waiting.delete(onChange);
  }

  /** The entries that still live, in the order they first came. Rejects with `UNKNOWN_TOKEN`. */
  async list(token: string): Promise<readonly string[]> {
    await this.#used(token);
    return this.#live(this.#cluster(token));
  }

  /** Forgets a token and its entries. Rejects with `UNKNOWN_TOKEN`. */
  async remove(token: string): Promise<void> {
    const cluster = this.#cluster(token);
    await this.#write(keysOf(token, cluster), 'power loss');
    if (this.#clusters.get(token) === cluster) this.#forget(token, cluster);
  }

  /** Drops entries past their time and tokens idle for too long. */
  async purge(): Promise<void> {
    const now = this.#now();
    const changes: EmbeddedChange[] = [];
    for (const [token, cluster] of this.#clusters) {
      changes.push(...this.#expire(token, cluster, now));
      const isIdle = cluster.entries.size === 0 && cluster.usedAt + this.#bounds.tokenIdleMs <= now;
      if (isIdle) changes.push(...keysOf(token, cluster));
      if (isIdle) this.#forget(token, cluster);
    }
    if (changes.length > 0) await this.#write(changes, 'kill');
  }

  #restore(key: string, time: number): void {
    if (!Number.isFinite(time)) return;
    if (key.startsWith(TOKEN_KEY)) {
      this.#restored(key.slice(TOKEN_KEY.length)).usedAt = time;
      return;
    }
    const [, token, ...rest] = key.split('/');
    if (!key.startsWith(ENTRY_KEY) || token === undefined) return;
    this.#restored(token).entries.set(rest.join('/'), time);
    this.#entryCount += 1;
  }

  // Entry keys come before token keys.
  #restored(token: string): Cluster {
    const known = this.#clusters.get(token);
    if (known !== undefined) return known;
    const fresh: Cluster = { usedAt: this.#now(), entries: new Map(), waiting: new Set() };
    this.#clusters.set(token, fresh);
    return fresh;
  }

  #cluster(token: string): Cluster {
    const cluster = this.#clusters.get(token);
    if (cluster === undefined) throw new NotFoundError('unknown token', 'UNKNOWN_TOKEN');
    return cluster;
  }

  #makeRoom(token: string, cluster: Cluster, now: number): EmbeddedChange[] {
    const { maxEntriesPerToken, maxEntries } = this.#bounds;
    const isFull = cluster.entries.size >= maxEntriesPerToken || this.#entryCount >= maxEntries;
    const changes = isFull ? this.#expire(token, cluster, now) : [];
    if (cluster.entries.size < maxEntriesPerToken && this.#entryCount < maxEntries) return changes;
    // What expired here leaves the store although this registration is refused; the store's queue keeps the order.
    void this.#write(changes, 'kill').catch(() => undefined);
    const which = cluster.entries.size >= maxEntriesPerToken ? 'this token' : 'this service';
    throw full(`${which} has as many entries as it may`, 'TOO_MANY_ENTRIES');
  }

  #live(cluster: Cluster): readonly string[] {
    const now = this.#now();
    return [...cluster.entries].filter(([, endsAt]) => endsAt > now).map(([entry]) => entry);
  }

  async #used(token: string): Promise<void> {
    const changes = this.#use(token, this.#cluster(token));
    // Reading does not depend on whether its trace can be written.
    if (changes.length > 0) await this.#write(changes, 'kill').catch(() => undefined);
  }

  #use(token: string, cluster: Cluster): readonly EmbeddedChange[] {
    const now = this.#now();
    if (now - cluster.usedAt < USE_GRAIN_MS) return [];
    cluster.usedAt = now;
    return [{ key: TOKEN_KEY + token, value: String(now) }];
  }

  #expire(token: string, cluster: Cluster, now: number): EmbeddedChange[] {
    const ended = [...cluster.entries].filter(([, endsAt]) => endsAt <= now);
    for (const [entry] of ended) cluster.entries.delete(entry);
    this.#entryCount -= ended.length;
    return ended.map(([entry]) => ({ key: entryKey(token, entry) }));
  }

  #forget(token: string, cluster: Cluster): void {
    this.#clusters.delete(token);
    tell(cluster);
    this.#entryCount -= cluster.entries.size;
  }

  async #write(changes: readonly EmbeddedChange[], survives: Survival): Promise<void> {
    await this.#store?.write(changes, survives);
  }
}

/** What removes a token from the store. */
function keysOf(token: string, { entries }: Cluster): readonly EmbeddedChange[] {
  return [{ key: TOKEN_KEY + token }, ...[...entries.keys()].map((entry) => ({ key: entryKey(token, entry) }))];
}

function tell(cluster: Cluster): void {
  for (const waiting of cluster.waiting) waiting();
}

function entryKey(token: string, entry: string): string {
  return `${ENTRY_KEY}${token}/${entry}`;
}

function full(message: string, code: string): ClusterError {
  return new ClusterError(message, { code, status: 507 });
}
