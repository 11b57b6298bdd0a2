import { isIP } from 'node:net';
import { isLoopback } from '../common/listen-address.ts';
import type { EngineClient } from '../engine/client.ts';
import { type EventStream, openEventStream } from '../engine/event-stream.ts';
import type { PortSummary } from '../engine/types.ts';

/** How long the engine may take to list its containers, in milliseconds, and the list in bytes. */
const LIST_MS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** A list is not older than this, in milliseconds, while the engine's events tell nothing else. */
const FRESH_MS = 60_000;

/** A TCP port that the engine publishes. */
export interface PublishedPort {
  readonly host: string;
  readonly port: number;
}

interface Known {
  readonly ports: readonly PublishedPort[];
  readonly listedMs: number;
}

/** What may change the list. */
const CHANGE = /"Action":"(?:start|die|connect|disconnect)"/;
/** A list is made anew this often when the engine tells changes while it is made. */
const MOST_TRIES = 3;

/**
 * The TCP ports that the containers of this host's engine publish to others than the host itself. The list is made when it is asked for, and made
 * anew when the engine has told a change, or a port is not in it.
 */
export class PublishedPorts {
  readonly #engine: EngineClient;
  readonly #now: () => number;
  #known: Known | undefined;
  #listing: Promise<Known> | undefined;
  #events: EventStream | undefined;
  #changes = 0;
  #isClosed = false;

  /** @param now the time in milliseconds, from any beginning */
  constructor(engine: EngineClient, now: () => number = () => performance.now()) {
    this.#engine = engine;
    this.#now = now;
  }

  /**
   * Where to connect for a port: that of one address, or of any when `host` is none. Undefined for one that no container publishes, so that nothing
   * else of this host is reached. Rejects when the engine does not say.
   */
  async find(host: string, port: number): Promise<PublishedPort | undefined> {
    const askedMs = this.#now();
    const known = await this.#fresh();
    const found = findIn(known, host, port);
    // Its start may be known to the manager before it was told here.
    if (found || known.listedMs >= askedMs) return found;
    this.#known = undefined;
    return findIn(await this.#fresh(), host, port);
  }

  /** Ends the subscription to the engine's events. Idempotent. */
  close(): void {
    this.#isClosed = true;
    this.#events?.close();
  }

  async #fresh(): Promise<Known> {
    const known = this.#known;
    if (known && this.#events && this.#now() < known.listedMs + FRESH_MS) return known;
    this.#listing ??= this.#list().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #list(): Promise<Known> {
    // Subscribed first: what happens while the list is made makes it old.
    if (!this.#events) await this.#subscribe();
    for (let tries = 1; ; tries++) {
      const [listedMs, changes] = [this.#now(), this.#changes];
      type Listed = readonly { readonly Ports?: readonly PortSummary[] | null }[];
      const ask = { method: 'GET', path: '/containers/json', timeoutMs: LIST_MS, maxBytes: MAX_BYTES };
      const listed = await this.#engine.json<Listed>(ask);
      const known = { ports: listed.flatMap(({ Ports }) => (Ports ?? []).flatMap(publishedPort)), listedMs };
      if (changes !== this.#changes && tries < MOST_TRIES) continue;
      this.#known = changes === this.#changes ? known : undefined;
      return known;
    }
  }

  async #subscribe(): Promise<void> {
    const onEvent = (text: string): void => {
      if (CHANGE.test(text)) this.#forget();
    };
    const events = await openEventStream(this.#engine, onEvent, LIST_MS);
    if (this.#isClosed) return events.close();
    this.#events = events;
    void events.ended.then(() => {
      if (this.#events === events) this.#events = undefined;
      this.#forget();
    });
  }

  #forget(): void {
    this.#changes += 1;
    this.#known = undefined;
  }
}

function findIn({ ports }: Known, host: string, port: number): PublishedPort | undefined {
  const isAsked = (each: PublishedPort): boolean => isIP(host) === 0 || isAny(each.host) || each.host === host;
  const found = ports.find((each) => each.port === port && isAsked(each));
  return found && { host: addressOf(found.host, host), port };
}

function publishedPort({ IP = '', PublicPort, Type }: PortSummary): readonly PublishedPort[] {
  // What is bound to a loopback address is for this host alone.
  if (PublicPort === undefined || Type !== 'tcp' || IP === '' || isLoopback(IP)) return [];
  return [{ host: IP, port: PublicPort }];
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

function addressOf(bound: string, asked: string): string {
  if (!isAny(bound)) return bound;
  if (isIP(asked) !== 0) return asked;
  return bound === '::' ? '::1' : '127.0.0.1';
}
