import type { Clock } from '../../common/clock.ts';
import { DiscoveryError } from '../../common/errors.ts';
import { isLoopback } from '../../common/listen-address.ts';
import { readTlsFiles, tlsClientOptions } from '../../common/tls-files.ts';
import type { DiscoveryBackend, DiscoverySettings, WatchEvent } from '../backend.ts';
import type { Entry } from '../entry.ts';
import { pollEntries } from '../poll.ts';
import { SharedEntries } from '../shared-entries.ts';
import { type TokenAddress, tokenAddress } from '../token-address.ts';
import { openTokenClient, type TokenClient } from '../token-client.ts';

/** Between two questions that a service answers when something changes: many changes at once are one answer. */
const BREATH_MS = 500;

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
  readonly #shared: SharedEntries;

  constructor(client: TokenClient, address: TokenAddress, { heartbeatMs, clock, onLeftOut }: DiscoverySettings) {
    this.#client = client;
    this.#address = address;
    this.#heartbeatMs = heartbeatMs;
    this.#clock = clock;
    this.#shared = new SharedEntries({ loopback: isLoopback(new URL(address.serviceUrl).hostname) }, onLeftOut);
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    return this.#shared.usable(await this.#client.list(this.#address.token, signal));
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
      const entries = listing.entries === undefined ? (from?.entries ?? []) : this.#shared.usable(listing.entries);
      known = { tag: listing.tag, entries };
      const isNew = from === undefined && listing.tag !== undefined;
      intervalMs = listing.hasWaited || isNew ? Math.min(heartbeatMs, BREATH_MS) : heartbeatMs;
      return entries;
    };
    const polling = { intervalMs: () => intervalMs, retryMaxMs: heartbeatMs, clock: this.#clock };
    return pollEntries(read, polling, AbortSignal.any([signal, this.#closed.signal]));
  }

  async register(entry: Entry, ttlMs: number, signal: AbortSignal): Promise<void> {
    this.#shared.assertReachable(entry);
    await this.#client.register(this.#address.token, entry.canonical, Math.ceil(ttlMs / 1000), signal);
  }

  async deregister(entry: Entry, signal: AbortSignal): Promise<void> {
    await this.#client.deregister(this.#address.token, entry.canonical, signal);
  }

  async close(): Promise<void> {
    this.#closed.abort();
    await this.#client.close();
  }
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
