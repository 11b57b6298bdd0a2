import type { LookupFunction } from 'node:net';
import type { Clock } from '../../common/clock.ts';
import { DiscoveryError, reasonOf } from '../../common/errors.ts';
import { isLoopback } from '../../common/listen-address.ts';
import { printable } from '../../common/printable.ts';
import { readTlsFiles, tlsClientOptions } from '../../common/tls-files.ts';
import type { DiscoveryBackend, DiscoverySettings, WatchEvent } from '../backend.ts';
import { type Entry, parseEntry, uniqueEntries } from '../entry.ts';
import { pollEntries } from '../poll.ts';
import { type Reach, reachableLookup, unreachableBecause } from '../reachable.ts';
import { type TokenAddress, tokenAddress } from '../token-address.ts';
import { openTokenClient, type TokenClient } from '../token-client.ts';

/** Between two questions that a service answers when something changes: many changes at once are one answer. */
const BREATH_MS = 500;
/** Entries left out that are told one by one. */
const MAX_TOLD = 100;

const LABELS = { ca: 'token.cacertfile', cert: 'token.certfile', key: 'token.keyfile' };
const KNOWN_OPTIONS: ReadonlySet<string> = new Set([...Object.values(LABELS), 'token.insecure']);

/**
 * `token://HOST[:PORT]/v1/TOKEN`, or `token://TOKEN` at `$ENXAME_DISCOVERY_URL` or on this host. Options: `token.insecure=true`
 * (plain HTTP), `token.cacertfile`, `token.certfile`, `token.keyfile` (HTTPS with these PEM files).
 */
export async function openTokenDiscovery(rest: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  const { options, env } = settings;
  assertKnown(options);
  const files = { ca: options.get(LABELS.ca), cert: options.get(LABELS.cert), key: options.get(LABELS.key) };
  const tls = files.ca !== undefined || files.cert !== undefined;
  const insecure = readFlag(options, 'token.insecure');
  const address = tokenAddress(rest, { defaultServiceUrl: env.ENXAME_DISCOVERY_URL || undefined, insecure, tls });
  const client = openTokenClient(address.serviceUrl, tlsClientOptions(await readTlsFiles(files, LABELS)));
  return new TokenDiscovery(client, address, settings);
}

class TokenDiscovery implements DiscoveryBackend {
  readonly name = 'token';
  readonly #client: TokenClient;
  readonly #address: TokenAddress;
  readonly #heartbeatMs: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();
  readonly #reach: Reach;
  readonly #lookup: LookupFunction;
  readonly #onLeftOut: DiscoverySettings['onLeftOut'];
  readonly #leftOut = new Set<string>();

  constructor(client: TokenClient, address: TokenAddress, { heartbeatMs, clock, onLeftOut }: DiscoverySettings) {
    this.#client = client;
    this.#address = address;
    this.#heartbeatMs = heartbeatMs;
    this.#clock = clock;
    this.#onLeftOut = onLeftOut;
    this.#reach = { loopback: isLoopback(new URL(address.serviceUrl).hostname) };
    this.#lookup = reachableLookup(this.#reach);
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    return this.#usable(await this.#client.list(this.#address.token, signal));
  }

  /** A service that can wait tells a change when it comes; another one is asked every heartbeat. */
  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const heartbeatMs = this.#heartbeatMs;
    let known: { readonly tag: string | undefined; readonly entries: readonly Entry[] } | undefined;
    let intervalMs = heartbeatMs;
    const read = async (ended: AbortSignal): Promise<readonly Entry[]> => {
      const from = known;
      // What was known before a failure is asked for anew.
      known = undefined;
      const listing = await this.#client.listOther(this.#address.token, from?.tag, heartbeatMs, ended);
      const entries = listing.entries === undefined ? (from?.entries ?? []) : this.#usable(listing.entries);
      known = { tag: listing.tag, entries };
      const isNew = from === undefined && listing.tag !== undefined;
      intervalMs = listing.hasWaited || isNew ? Math.min(heartbeatMs, BREATH_MS) : heartbeatMs;
      return entries;
    };
    const polling = { intervalMs: () => intervalMs, retryMaxMs: heartbeatMs, clock: this.#clock };
    return pollEntries(read, polling, AbortSignal.any([signal, this.#closed.signal]));
  }

  async register(entry: Entry, ttlMs: number, signal: AbortSignal): Promise<void> {
    const problem = unreachableBecause(entry, this.#reach);
    if (problem !== undefined) throw notReachable(entry, problem);
    await this.#client.register(this.#address.token, entry.canonical, Math.ceil(ttlMs / 1000), signal);
  }

  async deregister(entry: Entry, signal: AbortSignal): Promise<void> {
    await this.#client.deregister(this.#address.token, entry.canonical, signal);
  }

  /** Any holder of the token may have written them: a host that others cannot reach is left out, and the rest stay. */
  #usable(texts: readonly string[]): readonly Entry[] {
    const entries = texts.flatMap((text) => {
      const entry = this.#read(text);
      if (entry === undefined) return [];
      return [entry.scheme === 'unix' || entry.scheme === 'ssh' ? entry : { ...entry, lookup: this.#lookup }];
    });
    return uniqueEntries(entries);
  }

  #read(text: string): Entry | undefined {
    try {
      const entry = parseEntry(text);
      const problem = unreachableBecause(entry, this.#reach);
      if (problem === undefined) return entry;
      this.#leaveOut(entry.canonical, `it is not a host that others can reach: ${problem}`);
    } catch (error) {
      this.#leaveOut(text, reasonOf(error));
    }
    return undefined;
  }

  /** Says so once for each, and no more often than a person reads. */
  #leaveOut(text: string, why: string): void {
    if (this.#leftOut.has(text) || this.#leftOut.size >= MAX_TOLD) return;
    this.#leftOut.add(text);
    this.#onLeftOut?.(text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200), why);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#client.close();
  }
}

/** What the service would say, and a service that is not ours would not. */
function notReachable({ canonical }: Entry, problem: string): DiscoveryError {
  return new DiscoveryError(
    `"${printable(canonical)}" is not a host that others can reach: ${problem}. Register the address the manager reaches the engine at`,
    'BAD_ENTRY',
  );
}

function assertKnown(options: ReadonlyMap<string, string>): void {
  for (const key of options.keys()) {
    if (key.startsWith('token.') && !KNOWN_OPTIONS.has(key)) {
      throw new DiscoveryError(
        `unknown discovery option "${key}". token:// knows ${[...KNOWN_OPTIONS].join(', ')}`,
        'BAD_OPTION',
      );
    }
  }
}

function readFlag(options: ReadonlyMap<string, string>, key: string): boolean {
  const text = options.get(key) ?? 'false';
  if (text === 'true') return true;
  if (text === 'false') return false;
  throw new DiscoveryError(`discovery option ${key}=${text}: say true or false`, 'BAD_OPTION');
}
