/** Waits end together, on beats of this many milliseconds: a thousand engines wake the manager ten times a second, not a thousand times. */
const BEAT_MS = 100;
/** Beats of one turn of the wheel; a longer wait goes round more than once. */
const SLOTS = 1024;

/** A wait that can be started time and again; starting it anew replaces the time before. */
export interface Wait {
  /** Runs the action once, on the first beat that is at least `ms` milliseconds away. */
  start(ms: number): void;
  /** The action is not run any more, until the next start. May be called at any time. */
  stop(): void;
}

/**
 * A wheel of waits that share one timer, for thousands of waits of seconds that start again when they end: starting
 * one neither allocates nor searches anything. The timer runs while somebody waits and does not keep the process alive.
 */
export class Beat {
  /** The wait at beat b is in slot b modulo {@link SLOTS}. A wait that was stopped or started anew is passed over in its old slot. */
  readonly #slots: WheelWait[][] = Array.from({ length: SLOTS }, () => []);
  readonly #startedMs = performance.now();
  #beat = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  /** A wait for `action`, not started yet. */
  wait(action: () => void): Wait {
    const wait: WheelWait = { action, dueBeat: NEVER, slotBeat: NEVER };
    return { start: (ms) => this.#start(wait, ms), stop: () => this.#stop(wait) };
  }

  #start(wait: WheelWait, ms: number): void {
    this.#stop(wait);
    this.#waiting += 1;
    if (!this.#timer) {
      this.#beat = this.#beatNow();
      this.#timer = setInterval(() => this.#turn(), BEAT_MS).unref();
    }
    const due = Math.ceil((performance.now() - this.#startedMs + ms) / BEAT_MS);
    wait.dueBeat = Math.max(due, this.#beat + 1);
    this.#place(wait);
  }

  #stop(wait: WheelWait): void {
    if (wait.dueBeat === NEVER) return;
    wait.dueBeat = NEVER;
    wait.slotBeat = NEVER;
    this.#waiting -= 1;
  }

  #place(wait: WheelWait): void {
    wait.slotBeat = Math.min(wait.dueBeat, this.#beat + SLOTS - 1);
    this.#slots[wait.slotBeat % SLOTS]?.push(wait);
  }

  #beatNow(): number {
    return Math.floor((performance.now() - this.#startedMs) / BEAT_MS);
  }

  /** The timer may come late: then several beats pass at once. */
  #turn(): void {
    const now = this.#beatNow();
    while (this.#beat < now) {
      this.#beat += 1;
      this.#pass(this.#beat);
    }
    if (this.#waiting > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #pass(beat: number): void {
    const slot = this.#slots[beat % SLOTS] ?? [];
    if (slot.length === 0) return;
    this.#slots[beat % SLOTS] = [];
    for (const wait of slot) {
      if (wait.slotBeat !== beat) continue;
      if (wait.dueBeat > beat) {
        this.#place(wait);
      } else {
        this.#stop(wait);
        wait.action();
      }
    }
  }
}

const NEVER = -1;

interface WheelWait {
  readonly action: () => void;
  dueBeat: number;
  /** Where it is now: {@link dueBeat}, or a stop on the way there. */
  slotBeat: number;
}
