import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ECHO_PORT, type WayReport } from '../../mesh/protocol.ts';

const ASK = Buffer.from('ENXMASK1');
const ANSWER = Buffer.from('ENXMANS1');
/** Mark, number of the packet. */
const SMALL_BYTES = 12;
/** Headers of IPv4 and UDP. */
const HEADERS_BYTES = 28;
/** Of so many packets one has the full size. */
const LARGE_EVERY = 5;
const KEPT = 20;
const MOST_AT_ONCE = 50;
const TICK_MS = 2_000;
/** Packets of the full size that are lost one after the other, small ones between them coming back, before a way counts as narrow. */
const NARROW = 4;

interface Way {
  readonly outcomes: boolean[];
  readonly latenciesMs: number[];
  missed: number;
  asked: number;
  lostLarge: number;
  pending: { readonly number: number; readonly isLarge: boolean; readonly sentMs: number } | undefined;
}

/**
 * Measures the ways to other nodes of the mesh by small packets, and answers those of others. What it sends back is never longer than what came.
 */
export class Echo {
  readonly #elapsed: () => number;
  #socket: Socket | undefined;
  #mtu = 0;
  #ways = new Map<string, Way>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #number = 0;
  readonly #port: number;

  /** `elapsed` is a clock that never goes back, in milliseconds. */
  constructor(elapsed: () => number, port: number = ECHO_PORT) {
    this.#elapsed = elapsed;
    this.#port = port;
  }

  /** Listens at an address from now on, no more at the one before. Rejects when that is not possible. */
  async listen(address: string): Promise<void> {
    if (this.#socket && this.#socket.address().address === address) return;
    await this.#end();
    const socket = createSocket('udp4');
    try {
      const bound = once(socket, 'listening');
      socket.bind(this.#port, address);
      await bound;
    } catch (error) {
      socket.close();
      throw error;
    }
    // Tells of hosts that refuse: their packets count as lost.
    socket.on('error', () => undefined);
    socket.on('message', (message, { address: from, port }) => this.#take(message, from, port));
    this.#socket = socket;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** Which ways are measured from now on; what is known of those that stay is kept. */
  measure(addresses: readonly string[], mtu: number): void {
    if (mtu !== this.#mtu) for (const way of this.#ways.values()) way.lostLarge = 0;
    this.#mtu = mtu;
    this.#ways = new Map(addresses.map((address) => [address, this.#ways.get(address) ?? newWay()]));
  }

  /** Sends the next packets: to all, or to some after the others when there are many. */
  tick(): void {
    const all = [...this.#ways];
    const begin = all.length <= MOST_AT_ONCE ? 0 : this.#next % all.length;
    this.#next = begin + MOST_AT_ONCE;
    for (const [address, way] of [...all.slice(begin), ...all.slice(0, begin)].slice(0, MOST_AT_ONCE)) {
      if (way.pending) this.#count(way, undefined);
      this.#ask(address, way);
    }
  }

  report(): readonly WayReport[] {
    return [...this.#ways].flatMap(([address, { outcomes, latenciesMs, missed, lostLarge }]): WayReport[] => {
      if (outcomes.length === 0) return [];
      const lost = outcomes.filter((isBack) => !isBack).length;
      const latencyMs = [...latenciesMs].sort((a, b) => a - b)[latenciesMs.length >> 1];
      return [
        {
          address,
          sent: outcomes.length,
          lost,
          missed,
          ...(latencyMs !== undefined && { latencyMs: Math.round(latencyMs * 100) / 100 }),
          isNarrow: lostLarge >= NARROW && missed === 0,
        },
      ];
    });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#end();
  }

  #ask(address: string, way: Way): void {
    way.asked += 1;
    this.#number = (this.#number + 1) >>> 0;
    const isLarge = way.asked % LARGE_EVERY === 0;
    const message = Buffer.alloc(isLarge ? Math.max(this.#mtu - HEADERS_BYTES, SMALL_BYTES) : SMALL_BYTES);
    ASK.copy(message);
    message.writeUInt32BE(this.#number, ASK.length);
    way.pending = { number: this.#number, isLarge, sentMs: this.#elapsed() };
    this.#send(message, address, this.#port);
  }

  #take(message: Buffer, from: string, port: number): void {
    // Who sends from port 0 wants no answer; Node throws at sending to it.
    if (message.length < SMALL_BYTES || port === 0) return;
    if (message.subarray(0, ASK.length).equals(ASK)) {
      ANSWER.copy(message);
      return this.#send(message, from, port);
    }
    const way = this.#ways.get(from);
    const isOurs = message.subarray(0, ANSWER.length).equals(ANSWER);
    if (!isOurs || !way?.pending || message.readUInt32BE(ANSWER.length) !== way.pending.number) return;
    this.#count(way, this.#elapsed() - way.pending.sentMs);
  }

  /** `latencyMs` is undefined for a packet that is lost. A large one that is lost says something of the size alone. */
  #count(way: Way, latencyMs: number | undefined): void {
    const isLarge = way.pending?.isLarge ?? false;
    way.pending = undefined;
    if (isLarge) way.lostLarge = latencyMs === undefined ? way.lostLarge + 1 : 0;
    if (isLarge && latencyMs === undefined) return;
    way.missed = latencyMs === undefined ? way.missed + 1 : 0;
    way.outcomes.push(latencyMs !== undefined);
    if (way.outcomes.length > KEPT) way.outcomes.shift();
    if (latencyMs === undefined || isLarge) return;
    way.latenciesMs.push(latencyMs);
    if (way.latenciesMs.length > KEPT) way.latenciesMs.shift();
  }

  #send(message: Buffer, address: string, port: number): void {
    // Without a way there the packet is lost, as any other.
    this.#socket?.send(message, port, address, () => undefined);
  }

  async #end(): Promise<void> {
    clearInterval(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (!socket) return;
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }
}

function newWay(): Way {
  return { outcomes: [], latenciesMs: [], missed: 0, asked: 0, lostLarge: 0, pending: undefined };
}
