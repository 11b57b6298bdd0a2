import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { ProcessMeter } from '../measure/process-meter.ts';

const STOP_DEADLINE_MS = 12_000;
const LOG_TAIL_LINES = 8;

/** The manager under test, started from a command line of any kind. */
export class ManagerProcess implements AsyncDisposable {
  readonly meter: ProcessMeter;
  readonly #process: ChildProcess;
  readonly #logFile: string;
  readonly #command: readonly string[];
  #closing = false;

  /** @param command program and arguments; its output goes to `logFile` */
  constructor(command: readonly string[], logFile: string) {
    const [program = '', ...args] = command;
    const log = openSync(logFile, 'w');
    this.#process = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    // A program that cannot be started shows as one that ended: `isRunning` is what callers look at.
    this.#process.on('error', () => undefined);
    this.#logFile = logFile;
    this.#command = command;
    this.meter = new ProcessMeter([this.#process.pid ?? 0]);
  }

  get isRunning(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Throws with the end of its output when it ended by itself. */
  assertRunning(): void {
    if (this.isRunning || this.#closing) return;
    const tail = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n  ');
    throw new Error(`the manager ended: ${this.#command.join(' ')}\n  ${tail}`);
  }

  /** Asks it to leave, ends it after a deadline; may be called twice. */
  async close(): Promise<void> {
    this.#closing = true;
    if (!this.isRunning) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
