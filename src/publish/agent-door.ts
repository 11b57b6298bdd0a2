import type { Duplex } from 'node:stream';
import type { Node } from '../cluster/node.ts';
import { coalesced } from '../common/coalesced.ts';
import { reasonOf } from '../common/errors.ts';
import { isLoopback } from '../common/listen-address.ts';
import type { Logger } from '../common/logger.ts';
import { printable } from '../common/printable.ts';
import { readLine } from '../common/read-line.ts';
import { EngineClient } from '../engine/client.ts';
import type { PortProtocol } from '../engine/dialled/carrier.ts';
import type { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import {
  PORTS_PATH,
  type PortRefusal,
  type PortsAnswer,
  SOCKET_PORT,
  VISIT_LINE_BYTES,
  visitIn,
} from '../engine/dialled/visits.ts';
import type { Target } from '../relay/target.ts';
import { serveUdpVisit, UdpVisitBounds, type UdpVisitDeps } from './udp-visit.ts';
import { carryToApi, serveVisit, type VisitDeps } from './visit.ts';

/** How long an agent may take to open ports, and to say which engine it has, in milliseconds. */
const ASK_MS = 10_000;
/** Streams that wait at an agent for connections; and those with the connections that it has brought, of its ports and its socket. */
const WAITING = 32;
const MOST_STREAMS = 3_072 + 256 + WAITING;
/** A number that an engine is about to need is left to it for this long at most, and a node is tried again after this long, in milliseconds. */
const SPARED_MS = 30_000;
const UNREACHED_MS = 60_000;

/** A number that the node's engine has is told after this long, in milliseconds. */
const LEFT_BEHIND_MS = 20_000;

/** What the doors of a manager need of the connections that agents opened. */
export type AgentConnections = Pick<DialledAgents, 'list' | 'subscribe' | 'ask' | 'openVisit' | 'connectorFor'>;

export interface AgentDoorDeps
  extends Pick<VisitDeps, 'ringOf' | 'connections' | 'clock'>,
    Omit<UdpVisitDeps, 'bounds'> {
  readonly agents: AgentConnections;
  /** The node whose engine has an ID. */
  readonly nodeOf: (engineId: string) => Node | undefined;
  /** What is to be open at all nodes, as `8080/tcp`. */
  readonly places: () => readonly string[];
  /** Connects to this manager's API, for containers that are to reach it by a socket of their host; undefined: they are not. */
  readonly connectApi: (() => Promise<Duplex>) | undefined;
  /** Which ports are refused, and why, may have changed. */
  readonly onAnswer: (door: AgentDoor, before: AgentDoor['refused']) => void;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** The ports at one node: opened by its agent, which asks here for each connection where it leads. */
export class AgentDoor {
  readonly id: string;
  /** Why ports are not open there, as `8080/tcp`. */
  refused: Readonly<Record<string, PortRefusal>> = {};
  /** Since when, by the clock's elapsed time, the node's engine has ports that nothing on the node is to have. */
  readonly #leftSince = new Map<string, number>();
  /** Why containers there do not reach the manager by a socket, in words; undefined when they do. */
  socketRefused: string | undefined = 'its agent has not answered yet';
  /** Makes what is open there what is to be; resolves when it is, or when that failed. Never rejects. */
  readonly sync: () => Promise<void>;
  readonly #deps: AgentDoorDeps;
  #nodeId: string | undefined;
  #isBehind = true;
  /** Whether it is too old to open ports. */
  #isDeaf = false;
  readonly #spared = new Map<string, { readonly copyId: string; readonly untilMs: number }>();
  readonly #unreached = new Map<string, number>();
  readonly #waiting = new Set<Duplex>();
  #opening = 0;
  /** Those that wait, and those that have brought a connection. */
  readonly #streams = new Set<Duplex>();
  readonly #udp: UdpVisitBounds;
  #isWanted = false;

  constructor(id: string, deps: AgentDoorDeps) {
    this.id = id;
    this.#deps = deps;
    this.#udp = new UdpVisitBounds(deps.clock);
    this.sync = coalesced(() => this.#sync());
  }

  get node(): Node | undefined {
    return this.#nodeId === undefined ? undefined : this.#deps.nodeOf(this.#nodeId);
  }

  /** Whether something is left to do there. */
  get isBehind(): boolean {
    return (
      !this.#isDeaf &&
      (this.#isBehind || this.#spared.size > 0 || this.#isSocketMissing || Object.keys(this.refused).length > 0)
    );
  }

  /**
   * Why a port is not open there; undefined when it is, and while the engine has it for a moment alone: one of a copy that a move leaves behind.
   *
   * @param isOwner whether a container that is to have the port is on the node
   */
  whyNot(place: string, isOwner: boolean): PortRefusal | undefined {
    const refusal = this.refused[place];
    if (!refusal?.isOfEngine) return refusal;
    if (isOwner) {
      this.#leftSince.delete(place);
      return undefined;
    }
    const nowMs = this.#deps.clock.elapsed();
    const sinceMs = this.#leftSince.get(place) ?? nowMs;
    this.#leftSince.set(place, sinceMs);
    return nowMs < sinceMs + LEFT_BEHIND_MS ? undefined : refusal;
  }

  get #isSocketMissing(): boolean {
    return this.#deps.connectApi !== undefined && this.socketRefused !== undefined;
  }

  /** The agent has dialled in anew: nothing is known of it. */
  renew(): void {
    this.#isBehind = true;
    this.#isDeaf = false;
    this.#nodeId = undefined;
    this.#unreached.clear();
  }

  /** Leaves ports to a copy of a container that is about to start there. Resolves when they are free, or that failed. */
  async spare(places: readonly string[], copyId: string): Promise<void> {
    const untilMs = this.#deps.clock.elapsed() + SPARED_MS;
    for (const place of places) this.#spared.set(place, { copyId, untilMs });
    await this.sync();
  }

  /** Ends what waits there; connections go on. */
  close(): void {
    this.#isWanted = false;
    for (const stream of this.#waiting) stream.destroy();
  }

  async #sync(): Promise<void> {
    const { agents, clock, logger, signal } = this.#deps;
    if (signal.aborted || this.#isDeaf) return;
    for (const [place, { copyId, untilMs }] of this.#spared) {
      // Once it runs, its engine has the number, and the agent finds it there.
      const isStarting = this.node?.held(copyId)?.state === 'created' || this.node?.held(copyId)?.state === 'exited';
      if (!isStarting || clock.elapsed() >= untilMs) this.#spared.delete(place);
    }
    const places = this.#deps.places().filter((place) => !this.#spared.has(place));
    const [ports, udp] = [numbersOf(places, 'tcp'), numbersOf(places, 'udp')];
    const before = this.refused;
    const socket = this.#deps.connectApi !== undefined;
    try {
      this.#nodeId ??= await this.#engineId();
      const { status, body } = await agents.ask(this.id, PORTS_PATH, { ports, udp, socket }, ASK_MS, signal);
      this.#isDeaf = status === 404;
      if (status !== 200) throw new Error(this.#isDeaf ? 'it is too old' : messageOf(body));
      this.refused = { ...refusalsIn(body, 'refused', 'tcp'), ...udpRefusalsIn(body, udp) };
      for (const place of this.#leftSince.keys()) if (!this.refused[place]?.isOfEngine) this.#leftSince.delete(place);
      this.socketRefused = socketRefusalIn(body);
      this.#isBehind = false;
      this.#isWanted = places.length > 0 || socket;
      if (this.#isWanted) this.#fill();
      else this.close();
    } catch (error) {
      this.#isBehind = true;
      this.refused = {};
      this.socketRefused = `its agent does not answer (${reasonOf(error)})`;
      if (!signal.aborted) logger.debug({ agent: this.id, reason: reasonOf(error) }, 'an agent did not open ports');
    }
    this.#deps.onAnswer(this, before);
  }

  async #engineId(): Promise<string | undefined> {
    const client = new EngineClient(this.#deps.agents.connectorFor(this.id), { connections: 1 });
    try {
      const info = await client.json<{ readonly ID?: string }>({ method: 'GET', path: '/info', timeoutMs: ASK_MS });
      return info.ID;
    } finally {
      await client.close();
    }
  }

  #fill(): void {
    // However many it brings: those of others have room.
    const most = Math.min(WAITING, this.#waiting.size + MOST_STREAMS - this.#streams.size);
    while (this.#isWanted && !this.#deps.signal.aborted && this.#waiting.size + this.#opening < most) {
      this.#opening += 1;
      void this.#open(); // Never rejects.
    }
  }

  async #open(): Promise<void> {
    const stream = await this.#deps.agents.openVisit(this.id, ASK_MS).catch(() => undefined);
    this.#opening -= 1;
    // The next round opens others.
    if (!stream) {
      this.#isBehind = true;
      return;
    }
    this.#waiting.add(stream);
    this.#streams.add(stream);
    stream.once('close', () => {
      const wasFull = this.#streams.size >= MOST_STREAMS;
      this.#streams.delete(stream);
      if (wasFull) this.#fill();
    });
    if (!this.#isWanted || this.#deps.signal.aborted) stream.destroy();
    const visit = visitIn(await readLine(stream, VISIT_LINE_BYTES));
    this.#waiting.delete(stream);
    if (!visit) {
      this.#isBehind = true;
      return void stream.destroy();
    }
    this.#fill();
    if (visit.port === SOCKET_PORT) return await carryToApi(stream, this.#deps.connectApi);
    const { ringOf, connections, clock } = this.#deps;
    if (visit.protocol === 'udp') return serveUdpVisit(stream, visit, { ...this.#deps, bounds: this.#udp });
    await serveVisit(stream, visit, {
      ringOf,
      connections,
      clock,
      straight: (target) => this.#straight(target),
      noteUnreached: (target) => this.#unreached.set(target.nodeId, clock.elapsed() + UNREACHED_MS),
    });
  }

  #straight({ nodeId, host, port, connect }: Target): { readonly host?: string; readonly port: number } | undefined {
    if (nodeId === this.#nodeId) return { port };
    if (connect || isLoopback(host)) return undefined;
    const untilMs = this.#unreached.get(nodeId);
    if (untilMs === undefined) return { host, port };
    if (this.#deps.clock.elapsed() < untilMs) return undefined;
    this.#unreached.delete(nodeId);
    return { host, port };
  }
}

function socketRefusalIn(body: unknown): string | undefined {
  const { socketRefused } = (body ?? {}) as { readonly socketRefused?: unknown };
  return typeof socketRefused === 'string' ? wordsOf(socketRefused) : undefined;
}

/** What an agent says, for messages of the manager. */
function wordsOf(text: string): string {
  return printable(text.slice(0, 200));
}

function refusalsIn(
  body: unknown,
  field: keyof PortsAnswer,
  protocol: PortProtocol,
): Readonly<Record<string, PortRefusal>> {
  const { [field]: refused } = (body ?? {}) as Readonly<Record<string, Readonly<Record<string, Partial<PortRefusal>>>>>;
  const all = Object.entries(refused ?? {}).slice(0, 65_536);
  return Object.fromEntries(
    all.map(([port, each]) => [
      `${port}/${protocol}`,
      { isOfEngine: each?.isOfEngine === true, why: wordsOf(String(each?.why ?? '')) },
    ]),
  );
}

/** An agent that says nothing of UDP opens none. */
function udpRefusalsIn(body: unknown, asked: readonly number[]): Readonly<Record<string, PortRefusal>> {
  if ((body as Partial<PortsAnswer> | null)?.refusedUdp !== undefined) return refusalsIn(body, 'refusedUdp', 'udp');
  const why = 'its agent is too old to open UDP ports';
  return Object.fromEntries(asked.map((port) => [`${port}/udp`, { isOfEngine: false, why }]));
}

function numbersOf(places: readonly string[], protocol: PortProtocol): readonly number[] {
  return places.flatMap((place) => (place.endsWith(`/${protocol}`) ? [Number.parseInt(place, 10)] : []));
}

function messageOf(body: unknown): string {
  return String((body as { readonly message?: unknown } | null)?.message ?? 'it gives no reason');
}
