import { HEADER_BYTES, WholeFrames } from './frames.ts';

/** What engines put before each message with `timestamps`: RFC 3339 with nine digits, and a space. */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{9})(Z|[+-]\d\d:\d\d) /;
const LONGEST_STAMP = 36;
/** Engines end a message here though its line goes on. */
const MOST_OF_LINE = 16_384;

/** A time in nanoseconds since the epoch. */
type Nanoseconds = bigint;

interface Stamp {
  readonly time: Nanoseconds;
  readonly bytes: number;
}

/**
 * Log messages of one container, from one engine's stream after the other. Engines are asked for times, so that a stream that broke can be
 * taken up again where it was; clients get them only if they asked for them.
 */
export class LogMessages {
  readonly #showsTimes: boolean;
  readonly #frames: WholeFrames;
  #last: Nanoseconds = 0n;
  /** Messages up to this time were handed on already. */
  #known: Nanoseconds = 0n;
  /** Of a terminal's output: bytes of the present message so far; undefined while its time is awaited. */
  #inLine: number | undefined;
  #isSkipping = false;
  #begun: Buffer = Buffer.alloc(0);

  constructor(showsTimes: boolean) {
    this.#showsTimes = showsTimes;
    this.#frames = new WholeFrames((frame) => this.#edit(frame));
  }

  /** The time of the last message as `since` takes it; undefined before the first. */
  get since(): string | undefined {
    if (this.#last === 0n) return undefined;
    return `${this.#last / 1_000_000_000n}.${String(this.#last % 1_000_000_000n).padStart(9, '0')}`;
  }

  /** Another stream begins. @param isSame it is of the same copy: what was handed on is left out */
  begin(isSame: boolean): void {
    this.#frames.begin();
    this.#begun = Buffer.alloc(0);
    this.#inLine = undefined;
    this.#isSkipping = false;
    if (!isSame) this.#last = 0n;
    this.#known = this.#last;
  }

  /** What clients get of it. */
  feed(chunk: Buffer): Buffer {
    const pieces = this.#frames.feed(chunk);
    if (this.#frames.isFramed !== false) return Buffer.concat(pieces);
    return Buffer.concat(pieces.flatMap((piece) => this.#terminal(piece)));
  }

  #edit(frame: Buffer): Buffer {
    const stamp = stampAt(frame, HEADER_BYTES);
    if (!stamp) return frame;
    if (!this.#isNew(stamp)) return NOTHING;
    if (this.#showsTimes) return frame;
    const edited = Buffer.concat([frame.subarray(0, HEADER_BYTES), frame.subarray(HEADER_BYTES + stamp.bytes)]);
    edited.writeUInt32BE(edited.length - HEADER_BYTES, 4);
    return edited;
  }

  #isNew({ time }: Stamp): boolean {
    if (time <= this.#known) return false;
    if (time > this.#last) this.#last = time;
    return true;
  }

  /** A terminal's output has no frames: a message ends with its line, or where engines cut long ones. */
  #terminal(piece: Buffer): Buffer[] {
    const shown: Buffer[] = [];
    let rest = this.#begun.length > 0 ? Buffer.concat([this.#begun, piece]) : piece;
    this.#begun = NOTHING;
    while (rest.length > 0) {
      if (this.#inLine === undefined || this.#inLine === MOST_OF_LINE) {
        if (rest.length < LONGEST_STAMP && !hasStamp(rest) && mayBeStamp(rest)) {
          this.#begun = Buffer.from(rest);
          break;
        }
        const stamp = stampAt(rest, 0);
        if (stamp) {
          this.#isSkipping = !this.#isNew(stamp);
          if (this.#showsTimes && !this.#isSkipping) shown.push(rest.subarray(0, stamp.bytes));
          rest = rest.subarray(stamp.bytes);
        }
        this.#inLine = 0;
        if (stamp) continue;
      }
      const end = rest.indexOf(0x0a) + 1;
      const most = Math.min(end > 0 ? end : rest.length, MOST_OF_LINE - this.#inLine);
      if (!this.#isSkipping) shown.push(rest.subarray(0, most));
      this.#inLine = end === most ? undefined : this.#inLine + most;
      rest = rest.subarray(most);
    }
    return shown;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

function stampAt(bytes: Buffer, at: number): Stamp | undefined {
  const match = STAMP.exec(bytes.toString('latin1', at, at + LONGEST_STAMP));
  const ms = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (!match || Number.isNaN(ms)) return undefined;
  return { time: BigInt(ms) * 1_000_000n + BigInt(match[2] ?? 0), bytes: match[0].length };
}

function hasStamp(bytes: Buffer): boolean {
  return STAMP.test(bytes.toString('latin1', 0, LONGEST_STAMP));
}

/** Whether the rest of a time may be still to come: the beginning is digits and signs of one alone. */
function mayBeStamp(bytes: Buffer): boolean {
  return /^[\dT:.Z+-]*$/.test(bytes.toString('latin1', 0, LONGEST_STAMP));
}
