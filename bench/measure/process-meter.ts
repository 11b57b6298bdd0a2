import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { memoryField, type ProcStat, parseProcStat, treeOf } from './proc-stat.ts';

/** Memory of a process and its descendants, in bytes. */
export interface MemoryUse {
  readonly resident: number;
  /** Highest resident size so far (the sum of the processes' own peaks). */
  readonly peak: number;
}

/** Accounts processes and all their descendants from /proc (Linux). Reading costs about a millisecond. */
export class ProcessMeter {
  readonly #roots: readonly number[];
  readonly #msPerTick: number;

  constructor(pids: readonly number[]) {
    this.#roots = pids;
    this.#msPerTick = 1000 / ticksPerSecond();
  }

  /** CPU time so far in milliseconds, of all threads. Ticks are coarse (10 ms): measure differences of a second. */
  cpuMs(): number {
    return this.#tree().reduce((sum, one) => sum + one.cpuTicks, 0) * this.#msPerTick;
  }

  memory(): MemoryUse {
    const statuses = this.#tree().map(({ pid }) => readOr(`/proc/${pid}/status`, ''));
    const sum = (field: 'VmRSS' | 'VmHWM'): number =>
      statuses.reduce((total, text) => total + memoryField(text, field), 0);
    return { resident: sum('VmRSS'), peak: sum('VmHWM') };
  }

  /** Open descriptors. */
  descriptors(): number {
    return this.#tree().reduce((sum, { pid }) => sum + list(`/proc/${pid}/fd`).length, 0);
  }

  #tree(): ProcStat[] {
    const pids = list('/proc').filter((name) => /^\d+$/.test(name));
    // A process may end between the listing and the reading.
    const lines = pids.map((pid) => readOr(`/proc/${pid}/stat`, '')).filter((line) => line !== '');
    return treeOf(lines.map(parseProcStat), this.#roots);
  }
}

function ticksPerSecond(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).trim()) || 100;
  } catch {
    return 100;
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}
