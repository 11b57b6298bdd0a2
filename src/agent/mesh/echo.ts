import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { ECHO_PORT, type WayReport } from '../../mesh/protocol.ts';
import { EchoWay } from './echo-way.ts';

const ASK = Buffer.from('ENXMASK1');
const ANSWER = Buffer.from('ENXMANS1');
/** Mark, number of the packet. */
const SMALL_BYTES = 12;
/** Headers of IPv4 and UDP. */
const HEADERS_BYTES = 28;
const MOST_AT_ONCE = 50;
const TICK_MS = 2_000;

interface Pending {
  readonly number: number;
  readonly isLarge: boolean;
  readonly sentMs: number;
}

interface Measured {
  readonly way: EchoWay;
  pending: Pending | undefined;
  /** The size of packets that arrive, as it was told last. */
  told: number | undefined;
}

/**
 * Measures the ways to other nodes of the mesh by small packets, and answers those of others. What it sends back is never longer than what came.
 */
export class Echo {
  readonly #elapsed: () => number;
  #socket: Socket | undefined;
  #mtu = 0;
  #ways = new Map<string, Measured>();
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #number = 0;
  readonly #port: number;

  readonly #onFit: (address: string, bytes: number | undefined) => void;

  /**
   * `elapsed` is a clock that never goes back, in milliseconds. `onFit` is told when packets of the full size do not arrive: the size of those that do,
   * and undefined when that is not known any more.
   */
  constructor(
    elapsed: () => number,
    port: number = ECHO_PORT,
    onFit: (address: string, bytes: number | undefined) => void = () => undefined,
  ) {
    this.#elapsed = elapsed;
    this.#onFit = onFit;
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

  /**
   * Which ways are measured from now on; what is known of those that stay is kept. `fits` has sizes that were found to arrive, by address. Packets to
   * `moved` go another way now: what was known of it is no more.
   */
  measure(
    addresses: readonly string[],
    mtu: number,
    {
      fits,
      moved = new Set(),
    }: { readonly fits?: ReadonlyMap<string, number>; readonly moved?: ReadonlySet<string> } = {},
  ): void {
    const isOther = mtu !== this.#mtu;
    const ways = addresses.map((address): [string, Measured] => {
      const known = moved.has(address) || isOther ? undefined : this.#ways.get(address);
      const found = moved.has(address) ? undefined : fits?.get(address);
      return [address, known ?? { way: new EchoWay(mtu, found), pending: undefined, told: found }];
    });
    const before = this.#ways;
    this.#mtu = mtu;
    this.#ways = new Map(ways);
    for (const [address, { told }] of before)
      if (told !== undefined && this.#ways.get(address)?.told === undefined) this.#onFit(address, undefined);
  }

  /** Sends the next packets: to all, or to some after the others when there are many. */
  tick(): void {
    const all = [...this.#ways];
    const begin = all.length <= MOST_AT_ONCE ? 0 : this.#next % all.length;
    this.#next = begin + MOST_AT_ONCE;
    for (const [address, measured] of [...all.slice(begin), ...all.slice(0, begin)].slice(0, MOST_AT_ONCE)) {
      if (measured.pending) this.#count(address, measured, undefined);
      this.#ask(address, measured);
    }
  }

  report(): readonly WayReport[] {
    return [...this.#ways].flatMap(([address, { way }]) => way.report(address) ?? []);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#end();
  }

  #ask(address: string, measured: Measured): void {
    this.#number = (this.#number + 1) >>> 0;
    const large = measured.way.next();
    const message = Buffer.alloc(large === undefined ? SMALL_BYTES : Math.max(large - HEADERS_BYTES, SMALL_BYTES));
    ASK.copy(message);
    message.writeUInt32BE(this.#number, ASK.length);
    measured.pending = { number: this.#number, isLarge: large !== undefined, sentMs: this.#elapsed() };
    this.#send(message, address, this.#port);
  }

  #take(message: Buffer, from: string, port: number): void {
    // Who sends from port 0 wants no answer; Node throws at sending to it.
    if (message.length < SMALL_BYTES || port === 0) return;
    if (message.subarray(0, ASK.length).equals(ASK)) {
      ANSWER.copy(message);
      return this.#send(message, from, port);
    }
    const measured = this.#ways.get(from);
    const isOurs = message.subarray(0, ANSWER.length).equals(ANSWER);
    if (!isOurs || !measured?.pending || message.readUInt32BE(ANSWER.length) !== measured.pending.number) return;
    this.#count(from, measured, this.#elapsed() - measured.pending.sentMs);
  }

  /** `latencyMs` is undefined for a packet that is lost. */
  #count(address: string, measured: Measured, latencyMs: number | undefined): void {
    const { way, pending } = measured;
    measured.pending = undefined;
    way.count(pending?.isLarge ?? false, latencyMs);
    // While a smaller one is looked for, the one that was found before is better than none.
    if (way.fits === undefined || way.fits === measured.told) return;
    measured.told = way.fits;
    this.#onFit(address, way.fits);
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
