import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import { BoundedMap } from '../common/bounded-map.ts';
import { isLoopback } from '../common/listen-address.ts';
import type { EngineClient } from '../engine/client.ts';
import type { PortProtocol } from '../engine/dialled/carrier.ts';
import { type EventStream, openEventStream } from '../engine/event-stream.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { PortSummary } from '../engine/types.ts';

/** How long the engine may take to list its containers, in milliseconds, and the list in bytes. */
const LIST_MS = 5_000;
const MAX_BYTES = 64 * 1024 * 1024;
/** A list is not older than this, in milliseconds, while the engine's events tell nothing else. */
const FRESH_MS = 60_000;

/** A port that the engine publishes. */
export interface PublishedPort {
  readonly host: string;
  readonly port: number;
}

/** A container that ended less than this many milliseconds ago may be restarted by its engine. */
const RESTART_MS = 10_000;
/** Ports of which is remembered who had them last. */
const MAX_REMEMBERED = 4_096;

interface Details {
  readonly State?: { readonly Running?: boolean; readonly Restarting?: boolean; readonly FinishedAt?: string };
  readonly HostConfig?: { readonly PortBindings?: Readonly<Record<string, unknown>> | null };
}

interface ListedPort extends PublishedPort {
  readonly protocol: PortProtocol;
}

interface Known {
  readonly ports: readonly ListedPort[];
  readonly listedMs: number;
}

/** What may change the list. */
const CHANGE = /"Action":"(?:start|die|connect|disconnect)"/;
/** A list is made anew this often when the engine tells changes while it is made. */
const MOST_TRIES = 3;

/**
 * The TCP and UDP ports that the containers of this host's engine publish to others than the host itself. The list is made when it is asked for, and made
 * anew when the engine has told a change, or a port is not in it.
 */
export class PublishedPorts {
  readonly #engine: EngineClient;
  readonly #now: () => number;
  #known: Known | undefined;
  #listing: Promise<Known> | undefined;
  #events: EventStream | undefined;
  /** Containers by the port that they had last, as `8080/tcp`. */
  readonly #holders = new BoundedMap<string, string>(MAX_REMEMBERED);
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
  async find(host: string, port: number, protocol: PortProtocol = 'tcp'): Promise<PublishedPort | undefined> {
    const askedMs = this.#now();
    const known = await this.#fresh();
    const found = findIn(known, host, port, protocol);
    // Its start may be known to the manager before it was told here.
    if (found || known.listedMs >= askedMs) return found;
    this.#known = undefined;
    return findIn(await this.#fresh(), host, port, protocol);
  }

  /**
   * Whether a container that does not run at the moment is about to need a port: one that its engine restarts. It would not start if somebody else
   * had the port. Rejects when the engine does not say.
   */
  async isAwaited(port: number, protocol: PortProtocol = 'tcp'): Promise<boolean> {
    const filters = encodeURIComponent(JSON.stringify({ status: ['restarting'] }));
    const path = `/containers/json?filters=${filters}`;
    type Listed = readonly { readonly Id: string }[];
    const restarting = await this.#engine.json<Listed>({
      method: 'GET',
      path,
      timeoutMs: LIST_MS,
      maxBytes: MAX_BYTES,
    });
    const holder = this.#holders.get(`${port}/${protocol}`);
    for (const id of new Set([...(holder === undefined ? [] : [holder]), ...restarting.map(({ Id }) => Id)]))
      if (await this.#needs(id, port, protocol)) return true;
    return false;
  }

  async #needs(id: string, port: number, protocol: PortProtocol): Promise<boolean> {
    try {
      const ask = { method: 'GET', path: `/containers/${id}/json`, timeoutMs: LIST_MS, maxBytes: MAX_BYTES };
      const { State, HostConfig } = await this.#engine.json<Details>(ask);
      const bound = Object.entries(HostConfig?.PortBindings ?? {}).filter(([inside]) =>
        inside.endsWith(`/${protocol}`),
      );
      if (!JSON.stringify(bound).includes(`"HostPort":"${port}"`)) return false;
      if (State?.Running === true || State?.Restarting === true) return true;
      return Date.now() < Date.parse(State?.FinishedAt ?? '') + RESTART_MS;
    } catch (error) {
      if (error instanceof EngineAnswerError && error.status === 404) return false;
      throw error;
    }
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
      type Listed = readonly { readonly Id: string; readonly Ports?: readonly PortSummary[] | null }[];
      const ask = { method: 'GET', path: '/containers/json', timeoutMs: LIST_MS, maxBytes: MAX_BYTES };
      const listed = await this.#engine.json<Listed>(ask);
      for (const { Id, Ports } of listed)
        for (const { port, protocol } of (Ports ?? []).flatMap(publishedPort))
          this.#holders.set(`${port}/${protocol}`, Id);
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

function findIn({ ports }: Known, host: string, port: number, protocol: PortProtocol): PublishedPort | undefined {
  const isAsked = (each: PublishedPort): boolean => isIP(host) === 0 || isAny(each.host) || each.host === host;
  const found = ports.find((each) => each.port === port && each.protocol === protocol && isAsked(each));
  return found && { host: addressOf(found.host, host), port };
}

function publishedPort({ IP = '', PublicPort, Type }: PortSummary): readonly ListedPort[] {
  // What is bound to a loopback address is for this host alone.
  if (PublicPort === undefined || IP === '' || isLoopback(IP)) return [];
  return Type === 'tcp' || Type === 'udp' ? [{ host: IP, port: PublicPort, protocol: Type }] : [];
}

function isAny(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

/** An address of this host: behind NAT it may be asked for by one of its router, and another host has other ports. */
function addressOf(bound: string, asked: string): string {
  if (!isAny(bound)) return bound;
  if (isLoopback(asked) || isOwn(asked)) return asked;
  return bound === '::' ? '::1' : '127.0.0.1';
}

function isOwn(address: string): boolean {
  return (
    isIP(address) !== 0 &&
    Object.values(networkInterfaces()).some((own) => own?.some((each) => each.address === address))
  );
}
