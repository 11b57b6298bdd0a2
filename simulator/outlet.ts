import type { Socket } from 'node:net';
import type { Fault } from './fault.ts';

/** How often a crawling connection is given its share. */
const CRAWL_TICK_MS = 50;

/** The writing side of one connection: passes bytes straight through, or holds or throttles them while a fault lasts. */
export class Outlet {
  readonly #socket: Socket;
  readonly #onDrain: () => void;
  #held: Buffer[] = [];
  #fault: Fault = { kind: 'none' };
  #timer: NodeJS.Timeout | undefined;

  /** @param onDrain called when there is room again after a `write` that returned false */
  constructor(socket: Socket, onDrain: () => void) {
    this.#socket = socket;
    this.#onDrain = onDrain;
    socket.on('drain', () => this.#held.length === 0 && onDrain());
    socket.on('close', () => this.#stop());
  }

  /** Input must not be read now. */
  get isShut(): boolean {
    return this.#fault.kind === 'hang' || this.#fault.kind === 'drop';
  }

  write(data: string | Buffer): boolean {
    if (this.#socket.destroyed) return true;
    if (this.#fault.kind === 'none') return this.#socket.write(data);
    this.#held.push(Buffer.from(data));
    return false;
  }

  /** Takes over a new fault at once; recovery from `drop` resets the connection, as its bytes are lost. */
  apply(fault: Fault): void {
    const before = this.#fault;
    this.#fault = fault;
    this.#stop();
    if (fault.kind === 'crawl') this.#timer = setInterval(() => this.#trickle(), CRAWL_TICK_MS).unref();
    if (this.isShut) return void this.#socket.pause();
    if (before.kind === 'drop') return void this.#socket.resetAndDestroy();
    this.#socket.resume();
    if (fault.kind === 'none') this.#flush();
  }

  #flush(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    for (const bytes of held) this.#socket.write(bytes);
    this.#onDrain();
  }

  #trickle(): void {
    if (this.#fault.kind !== 'crawl') return;
    let budget = Math.max(1, Math.round((this.#fault.bytesPerSecond * CRAWL_TICK_MS) / 1000));
    for (let next = this.#held[0]; next !== undefined && budget > 0; next = this.#held[0]) {
      this.#socket.write(next.subarray(0, budget));
      if (next.length > budget) this.#held[0] = next.subarray(budget);
      else this.#held.shift();
      budget -= next.length;
      if (this.#held.length === 0) this.#onDrain();
    }
  }

  #stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
