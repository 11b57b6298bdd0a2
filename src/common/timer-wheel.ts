import type { Timer } from './timer.ts';

/** Timers end together, on ticks of this many milliseconds: a thousand engines wake the manager ten times a second, not a thousand times. */
const TICK_MS = 100;
/** Ticks of one turn of the wheel; a longer time goes round more than once. */
const SLOTS = 1024;

/**
 * A wheel of timers that share one of the system's, for thousands that run for seconds and start again when they end: starting
 * one neither allocates nor searches anything. The system's timer runs while any of them does and does not keep the process alive.
 */
export class TimerWheel {
  /** The timer due at tick t is in slot t modulo {@link SLOTS}. One that was stopped or started anew is passed over in its old slot. */
  readonly #slots: WheelTimer[][] = Array.from({ length: SLOTS }, () => []);
  readonly #startedMs = performance.now();
  #tick = 0;
  #running = 0;
  #timer: NodeJS.Timeout | undefined;

  /** A timer for `action`, not started yet, which runs it on the first tick that is at least the given time away. */
  timer(action: () => void): Timer {
    const timer: WheelTimer = { action, dueTick: NEVER, slotTick: NEVER };
    return { start: (ms) => this.#start(timer, ms), stop: () => this.#stop(timer) };
  }

  #start(timer: WheelTimer, ms: number): void {
    this.#stop(timer);
    this.#running += 1;
    if (!this.#timer) {
      this.#tick = this.#tickNow();
      this.#timer = setInterval(() => this.#turn(), TICK_MS).unref();
    }
    const due = Math.ceil((performance.now() - this.#startedMs + ms) / TICK_MS);
    timer.dueTick = Math.max(due, this.#tick + 1);
    this.#place(timer);
  }

  #stop(timer: WheelTimer): void {
    if (timer.dueTick === NEVER) return;
    timer.dueTick = NEVER;
    timer.slotTick = NEVER;
    this.#running -= 1;
  }

  #place(timer: WheelTimer): void {
    timer.slotTick = Math.min(timer.dueTick, this.#tick + SLOTS - 1);
    this.#slots[timer.slotTick % SLOTS]?.push(timer);
  }

  #tickNow(): number {
    return Math.floor((performance.now() - this.#startedMs) / TICK_MS);
  }

  /** The system's timer may come late: then several ticks pass at once. */
  #turn(): void {
    const now = this.#tickNow();
    while (this.#tick < now) {
      this.#tick += 1;
      this.#pass(this.#tick);
    }
    if (this.#running > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #pass(tick: number): void {
    const slot = this.#slots[tick % SLOTS] ?? [];
    if (slot.length === 0) return;
    this.#slots[tick % SLOTS] = [];
    for (const timer of slot) {
      if (timer.slotTick !== tick) continue;
      if (timer.dueTick > tick) {
        this.#place(timer);
      } else {
        this.#stop(timer);
        timer.action();
      }
    }
  }
}

const NEVER = -1;

interface WheelTimer {
  readonly action: () => void;
  dueTick: number;
  /** Where it is now: {@link dueTick}, or a stop on the way there. */
  slotTick: number;
}
