import type { Clock } from '../../common/clock.ts';
import { DiscoveryError } from '../../common/errors.ts';
import { readTlsFiles, tlsClientOptions } from '../../common/tls-files.ts';
import type { DiscoveryBackend, DiscoverySettings, WatchEvent } from '../discovery.ts';
import { type Entry, parseEntry, uniqueEntries } from '../entry.ts';
import { pollEntries } from '../poll.ts';
import { type TokenAddress, tokenAddress } from '../token-address.ts';
import { openTokenClient, type TokenClient } from '../token-client.ts';

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
  return new TokenDiscovery(client, address, settings.heartbeatMs, settings.clock);
}

class TokenDiscovery implements DiscoveryBackend {
  readonly name = 'token';
  readonly #client: TokenClient;
  readonly #address: TokenAddress;
  readonly #heartbeatMs: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(client: TokenClient, address: TokenAddress, heartbeatMs: number, clock: Clock) {
    this.#client = client;
    this.#address = address;
    this.#heartbeatMs = heartbeatMs;
    this.#clock = clock;
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    const texts = await this.#client.list(this.#address.token, signal);
    return uniqueEntries(texts.filter((text) => text !== '').map(parseEntry));
  }

  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const polling = { intervalMs: this.#heartbeatMs, retryMaxMs: this.#heartbeatMs, clock: this.#clock };
    return pollEntries((s) => this.entries(s), polling, AbortSignal.any([signal, this.#closed.signal]));
  }

  async register(entry: Entry, ttlMs: number, signal: AbortSignal): Promise<void> {
    await this.#client.register(this.#address.token, entry.canonical, Math.ceil(ttlMs / 1000), signal);
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
