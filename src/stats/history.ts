import { MEASURES, type Usage } from './usage.ts';

/** How much is kept of one thing. */
export interface HistoryLimits {
  /** Points of the last hour, each a sample; with fewer points, not every sample is one. */
  readonly finePoints: number;
  /** Points of the last day, each the mean of some minutes. */
  readonly coarsePoints: number;
  readonly coarseStepSeconds: number;
}

/** When, and the values in the order of {@link MEASURES}. */
export type Point = readonly number[];

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;
const FEWEST_POINTS = 8;
/** The least between two points of the last day. */
const COARSE_STEP_SECONDS = 300;
const MOST_FINE_POINTS = 360;

/** What a point takes in memory: its time and its values, of four bytes each. */
const POINT_BYTES = 4 * (1 + MEASURES.length);

/** Divides `bytes` among the histories of `count` things: with more of them, each is shorter, or the day is told in fewer points. */
export function limitsFor(count: number, bytes: number): HistoryLimits {
  const points = Math.floor(bytes / POINT_BYTES / Math.max(1, count) / 2);
  const coarsePoints = clamp(points, FEWEST_POINTS, DAY_SECONDS / COARSE_STEP_SECONDS);
  return {
    finePoints: clamp(points, FEWEST_POINTS, MOST_FINE_POINTS),
    coarsePoints,
    coarseStepSeconds: Math.ceil(DAY_SECONDS / coarsePoints),
  };
}

/** Shared by all that have no points: an empty array of numbers takes 200 bytes and more, and most things are sampled late or never. */
const NO_TIMES = new Uint32Array(0);
const NO_VALUES = new Float32Array(0);

/** What one thing used: the last hour as it was sampled, the last day in means. */
export class History {
  readonly #fine = new Ring();
  readonly #coarse = new Ring();
  /** Undefined before the first sample. */
  #sums: Float64Array | undefined;
  #count = 0;
  #step = -1;
  #lastSeconds = 0;
  #fineSeconds = 0;

  /** Takes a sample in; `seconds` since the epoch never fall. */
  add(seconds: number, usage: Usage, limits: HistoryLimits): void {
    const values = MEASURES.map((measure) => usage[measure]);
    if (seconds - this.#fineSeconds >= HOUR_SECONDS / limits.finePoints) {
      this.#fine.push(seconds, values, limits.finePoints);
      this.#fineSeconds = seconds;
    }
    const step = Math.floor(seconds / limits.coarseStepSeconds);
    if (step !== this.#step) this.#close(limits);
    this.#step = step;
    this.#count += 1;
    this.#sums ??= new Float64Array(MEASURES.length);
    for (const [at, value] of values.entries()) this.#sums[at] = (this.#sums[at] ?? 0) + value;
    this.#lastSeconds = seconds;
  }

  /** The last hour, oldest first. */
  hour(nowSeconds: number): readonly Point[] {
    return this.#fine.since(nowSeconds - HOUR_SECONDS);
  }

  /** The last day, oldest first; the last point is of what came since the one before. */
  day(nowSeconds: number): readonly Point[] {
    const points = this.#coarse.since(nowSeconds - DAY_SECONDS);
    return this.#count === 0 ? points : [...points, [this.#lastSeconds, ...this.#means()]];
  }

  /** Bytes that its points take. */
  get bytes(): number {
    return this.#fine.bytes + this.#coarse.bytes;
  }

  #close({ coarsePoints }: HistoryLimits): void {
    if (this.#count > 0) this.#coarse.push(this.#lastSeconds, this.#means(), coarsePoints);
    this.#sums?.fill(0);
    this.#count = 0;
  }

  #means(): readonly number[] {
    return [...(this.#sums ?? [])].map((sum) => sum / this.#count);
  }
}

/** Points in arrays that grow to the bound and are then written over; a lower bound drops the oldest. */
class Ring {
  #times = NO_TIMES;
  #values = NO_VALUES;
  #start = 0;
  #length = 0;

  get bytes(): number {
    return this.#times.byteLength + this.#values.byteLength;
  }

  push(seconds: number, values: readonly number[], most: number): void {
    const capacity = this.#times.length;
    if (capacity > most || (this.#length === capacity && capacity < most)) this.#resize(most);
    this.#put((this.#start + this.#length) % this.#times.length, seconds, values);
    if (this.#length < this.#times.length) this.#length += 1;
    else this.#start = (this.#start + 1) % this.#times.length;
  }

  /** Oldest first. */
  since(seconds: number): readonly Point[] {
    return this.#points().filter(([at = 0]) => at >= seconds);
  }

  #put(at: number, seconds: number, values: readonly number[]): void {
    this.#times[at] = seconds;
    this.#values.set(values, at * MEASURES.length);
  }

  #points(): Point[] {
    return Array.from({ length: this.#length }, (_, index) => {
      const at = (this.#start + index) % this.#times.length;
      const values = this.#values.subarray(at * MEASURES.length, (at + 1) * MEASURES.length);
      return [this.#times[at] ?? 0, ...values];
    });
  }

  #resize(most: number): void {
    const kept = this.#points().slice(-most);
    const capacity = Math.min(most, Math.max(FEWEST_POINTS, kept.length * 2));
    this.#times = new Uint32Array(capacity);
    this.#values = new Float32Array(capacity * MEASURES.length);
    this.#start = 0;
    this.#length = Math.min(kept.length, capacity);
    for (const [index, [time = 0, ...values]] of kept.slice(-this.#length).entries()) this.#put(index, time, values);
  }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
