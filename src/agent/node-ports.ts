import { createServer, type Server, type Socket } from 'node:net';
import { reasonOf } from '../common/errors.ts';
import { keptBecause } from '../common/kept-ports.ts';
import { type RelayLimits, relayLimits } from '../common/relay-limits.ts';
import type { PortProtocol } from '../engine/dialled/carrier.ts';
import type { PortRefusal, PortsAnswer } from '../engine/dialled/visits.ts';
import type { NodeSocket } from './node-socket.ts';
import type { PublishedPorts } from './published-ports.ts';
import { UdpPorts } from './udp-ports.ts';
import { VisitDesk } from './visit-desk.ts';

/** Ports that are open at a time, and connections as far as this process has the descriptors. */
const MAX_PORTS = 4_096;
const MAX_CONNECTIONS = 3_072;
/** Ports stay open without their manager for this long, and all does that one that is back says nothing of, in milliseconds. */
const LOST_MS = 60_000;
/** Connections that the system keeps until they are taken up. */
const BACKLOG = 1_024;
const ANY = '::';
const ANY_V4 = '0.0.0.0';

export interface NodePortsDeps {
  /** What the engine of this host publishes, which nobody else opens. */
  readonly published: Pick<PublishedPorts, 'find' | 'isAwaited'>;
  /** UDP port of WireGuard on this host; undefined: it is in no mesh. */
  readonly meshPort?: number | undefined;
  /** By which containers reach the manager; undefined: they do not. */
  readonly socket?: NodeSocket | undefined;
  /** Default: what the process has the descriptors for. */
  readonly limits?: RelayLimits;
}

/** What a manager wants; of another version of it, what it says may be anything. */
export interface Wanted {
  readonly ports?: unknown;
  /** Absent from one that knows nothing of UDP at nodes. */
  readonly udp?: unknown;
  readonly socket?: unknown;
}

/** A port as `8080/tcp`. */
type Place = `${number}/${PortProtocol}`;

/**
 * The ports that managers want open at this host. Each manager says all that it wants, at its own desk; a port is open while one of them wants it, and
 * its connections are led as the one says that wanted it last.
 */
export class NodePorts {
  readonly #deps: NodePortsDeps;
  readonly #host: string;
  /** With what closes them. */
  readonly #open = new Map<Place, () => void>();
  readonly #udp = new UdpPorts();
  /** The latest last. */
  #wants: readonly { readonly desk: VisitDesk; readonly places: ReadonlySet<Place> }[] = [];
  readonly #limits: RelayLimits;
  readonly #sockets = new Set<Socket>();
  readonly #perPort = new Map<number, number>();
  readonly #losses = new Map<VisitDesk, NodeJS.Timeout>();
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param host an IP address of this host; undefined: every one */
  constructor(deps: NodePortsDeps, host: string | undefined) {
    this.#deps = deps;
    this.#limits = deps.limits ?? relayLimits(MAX_CONNECTIONS);
    this.#host = host === undefined || host === ANY_V4 ? ANY : host;
  }

  /** For a manager to say at what it wants. */
  desk(): VisitDesk {
    return new VisitDesk(this.#deps.published);
  }

  /** A manager says what it wants. Resolves when all is open or refused. */
  async want(desk: VisitDesk, wanted: Wanted): Promise<PortsAnswer> {
    clearTimeout(this.#losses.get(desk));
    this.#losses.delete(desk);
    const { socket } = this.#deps;
    const wantsSocket = wanted.socket === true;
    const [refused, why] = await Promise.all([
      this.#wantPlaces(desk, [...placesIn(wanted.ports, 'tcp'), ...placesIn(wanted.udp, 'udp')]),
      socket?.want(desk, wantsSocket),
    ]);
    const socketRefused = wantsSocket && !socket ? 'its agent opens none' : why;
    const ofUdp = wanted.udp === undefined ? {} : { refusedUdp: byNumber(refused, 'udp') };
    return { refused: byNumber(refused, 'tcp'), ...ofUdp, socketRefused };
  }

  /**
   * The connection of a manager ended: its ports stay open for a while, and connections wait for it to come back. The socket stays: containers have
   * mounted this very one, and would not reach another.
   */
  lose(desk: VisitDesk): void {
    this.#later(desk, () => this.#wantPlaces(desk, []));
  }

  /** A manager has a connection: it says in a while what it wants, or wants nothing. */
  meet(desk: VisitDesk): void {
    this.#later(desk, () => this.want(desk, {}));
  }

  #later(desk: VisitDesk, act: () => Promise<unknown>): void {
    clearTimeout(this.#losses.get(desk));
    this.#losses.set(desk, setTimeout(() => void act().catch(() => undefined), LOST_MS).unref());
  }

  /** Closes all, and ends what passes. Idempotent. */
  close(): void {
    this.#isClosed = true;
    void this.#deps.socket?.close(); // Never rejects.
    for (const timer of this.#losses.values()) clearTimeout(timer);
    for (const close of this.#open.values()) close();
    for (const socket of this.#sockets) socket.destroy();
    this.#open.clear();
  }

  #wantPlaces(desk: VisitDesk, places: readonly Place[]): Promise<ReadonlyMap<Place, PortRefusal>> {
    const all = [...new Set(places)];
    const wanted = all.slice(0, MAX_PORTS);
    const others = this.#wants.filter((each) => each.desk !== desk);
    this.#wants = wanted.length === 0 ? others : [...others, { desk, places: new Set(wanted) }];
    const done = this.#last.then(() => this.#settle(wanted));
    this.#last = done.catch(() => undefined);
    const why = `its agent opens no more than ${MAX_PORTS} ports`;
    return done.then(
      (refused) =>
        new Map([...refused, ...all.slice(MAX_PORTS).map((place) => [place, { isOfEngine: false, why }] as const)]),
    );
  }

  async #settle(asked: readonly Place[]): Promise<ReadonlyMap<Place, PortRefusal>> {
    const wanted = new Set(this.#wants.flatMap(({ places }) => [...places]));
    for (const [place, close] of this.#open) {
      if (wanted.has(place)) continue;
      this.#open.delete(place);
      // Connections go on; the number is free when this resolves.
      close();
    }
    const refused = new Map<Place, PortRefusal>();
    for (const place of asked) {
      const refusal = this.#open.has(place) ? undefined : await this.#openPlace(place);
      if (refusal) refused.set(place, refusal);
    }
    return refused;
  }

  async #openPlace(place: Place): Promise<PortRefusal | undefined> {
    const [port, protocol] = partsOf(place);
    const kept = keptBecause(protocol, port, this.#deps.meshPort);
    if (kept) return { isOfEngine: false, why: kept };
    try {
      const { published } = this.#deps;
      if (await published.find('', port, protocol)) return { isOfEngine: true, why: 'its engine publishes it' };
      if (await published.isAwaited(port, protocol))
        return { isOfEngine: true, why: 'its engine restarts a container that has it' };
    } catch (error) {
      return { isOfEngine: false, why: `its engine does not say whether it has it (${reasonOf(error)})` };
    }
    try {
      const close = await this.#listen(port, protocol);
      if (this.#isClosed) close();
      else this.#open.set(place, close);
      return undefined;
    } catch (error) {
      return { isOfEngine: false, why: openingReason(error) };
    }
  }

  async #listen(port: number, protocol: PortProtocol): Promise<() => void> {
    const at = (host: string): Promise<() => void> =>
      protocol === 'tcp' ? this.#listenAt(host, port) : this.#openUdp(host, port);
    try {
      return await at(this.#host);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (this.#host !== ANY || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      return await at(ANY_V4);
    }
  }

  #openUdp(host: string, port: number): Promise<() => void> {
    return this.#udp.open(host, port, async (client, timeoutMs) => {
      const desk = this.#deskOf(`${port}/udp`);
      if (!desk) throw new Error('no manager wants it');
      return desk.flow(port, client, timeoutMs);
    });
  }

  #deskOf(place: Place): VisitDesk | undefined {
    return this.#wants.findLast(({ places }) => places.has(place))?.desk;
  }

  #listenAt(host: string, port: number): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true };
      const server: Server = createServer(options, (socket) => this.#serve(socket, port));
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
        // Descriptors may run out while it accepts: the next connection is taken again.
        server.off('error', reject).on('error', () => undefined);
        resolve(() => void server.close());
      });
    });
  }

  #serve(socket: Socket, port: number): void {
    socket.on('error', () => undefined);
    const desk = this.#deskOf(`${port}/tcp`);
    const ofPort = this.#perPort.get(port) ?? 0;
    const isFull = this.#sockets.size >= this.#limits.total || ofPort >= this.#limits.perPort;
    if (!desk || isFull) return void socket.resetAndDestroy();
    this.#sockets.add(socket);
    this.#perPort.set(port, ofPort + 1);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      const left = (this.#perPort.get(port) ?? 1) - 1;
      if (left > 0) this.#perPort.set(port, left);
      else this.#perPort.delete(port);
    });
    void desk.lead(socket, port); // Never rejects.
  }
}

function placesIn(numbers: unknown, protocol: PortProtocol): readonly Place[] {
  return (Array.isArray(numbers) ? numbers : []).flatMap((each: unknown) =>
    isPort(each) ? [`${Number(each)}/${protocol}` as const] : [],
  );
}

function partsOf(place: Place): readonly [port: number, protocol: PortProtocol] {
  const [port, protocol] = place.split('/') as [string, PortProtocol];
  return [Number(port), protocol];
}

function byNumber(
  refused: ReadonlyMap<Place, PortRefusal>,
  protocol: PortProtocol,
): Readonly<Record<string, PortRefusal>> {
  return Object.fromEntries(
    [...refused].flatMap(([place, refusal]) => {
      const [port, of] = partsOf(place);
      return of === protocol ? [[port, refusal]] : [];
    }),
  );
}

function isPort(value: unknown): boolean {
  return Number.isInteger(value) && Number(value) > 0 && Number(value) < 65_536;
}

function openingReason(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE':
      return 'another process has it';
    case 'EACCES':
      return 'its agent may not open it';
    case 'EADDRNOTAVAIL':
      return 'its host does not have the address of --publish-address';
    case 'EMFILE':
    case 'ENFILE':
      return 'its agent has no file descriptors left';
    default:
      return reasonOf(error);
  }
}
