import type { WayReport } from '../../mesh/protocol.ts';

const KEPT = 20;
/** Of so many packets one has the full size; every other one while a size is looked for that arrives. */
const LARGE_EVERY = 5;
const LOOKING_EVERY = 2;
/** Packets of one size that are lost one after the other, small ones between them coming back, before it counts as too large. */
const TOO_LARGE = 2;
/** Sizes that are tried, in bytes, below the full one; the smallest is what every IPv4 network carries (RFC 791), whole and in a tunnel. */
const SIZES: readonly number[] = [1_232, 1_200, 1_152, 1_100, 1_024, 896, 768, 640, 512];

/** What is measured of the way to one address, packet by packet. Knows no sockets. */
export class EchoWay {
  readonly #outcomes: boolean[] = [];
  readonly #latenciesMs: number[] = [];
  readonly #full: number;
  /** Of large packets, headers included. */
  #size: number;
  #isLooking = false;
  #missed = 0;
  #asked = 0;
  #lostLarge = 0;

  /** `full` is the size of packets that should arrive, `fits` the one that was found to do so before. */
  constructor(full: number, fits: number = full) {
    this.#full = full;
    this.#size = fits;
  }

  /** The size of packets that arrive, in bytes; undefined while all do, or none is found yet. */
  get fits(): number | undefined {
    return this.#isLooking || this.#size === this.#full ? undefined : this.#size;
  }

  /** Size of the next packet when it is to be a large one; undefined for a small one. */
  next(): number | undefined {
    this.#asked += 1;
    return this.#asked % (this.#isLooking ? LOOKING_EVERY : LARGE_EVERY) === 0 ? this.#size : undefined;
  }

  /** Notes what became of a packet; `latencyMs` is undefined for one that is lost. A large one that is lost says something of the size alone. */
  count(isLarge: boolean, latencyMs: number | undefined): void {
    const isBack = latencyMs !== undefined;
    if (isLarge) this.#countLarge(isBack);
    if (isLarge && !isBack) return;
    this.#missed = isBack ? 0 : this.#missed + 1;
    this.#outcomes.push(isBack);
    if (this.#outcomes.length > KEPT) this.#outcomes.shift();
    if (!isBack || isLarge) return;
    this.#latenciesMs.push(latencyMs);
    if (this.#latenciesMs.length > KEPT) this.#latenciesMs.shift();
  }

  /** Undefined before anything is known. */
  report(address: string): WayReport | undefined {
    if (this.#outcomes.length === 0) return undefined;
    const latencyMs = [...this.#latenciesMs].sort((a, b) => a - b)[this.#latenciesMs.length >> 1];
    const { fits } = this;
    return {
      address,
      sent: this.#outcomes.length,
      lost: this.#outcomes.filter((isBack) => !isBack).length,
      missed: this.#missed,
      ...(latencyMs !== undefined && { latencyMs: Math.round(latencyMs * 100) / 100 }),
      isNarrow: this.#isTooSmall && this.#missed === 0,
      ...(fits !== undefined && { mtu: fits }),
    };
  }

  /** Whether not even the smallest size arrives. */
  get #isTooSmall(): boolean {
    return this.#isLooking && this.#size === SIZES.at(-1) && this.#lostLarge >= TOO_LARGE;
  }

  #countLarge(isBack: boolean): void {
    if (isBack) {
      this.#lostLarge = 0;
      this.#isLooking = false;
      return;
    }
    // Where small ones are lost, too, it is not the size.
    if (this.#missed > 0) return;
    this.#lostLarge += 1;
    if (this.#lostLarge < TOO_LARGE) return;
    const smaller = SIZES.find((size) => size < this.#size);
    this.#isLooking = true;
    if (smaller === undefined) return;
    this.#size = smaller;
    this.#lostLarge = 0;
  }
}
