import { type ChildProcess, spawn } from 'node:child_process';
import type { Target } from './target.ts';

/** Bound on one run, in milliseconds; what runs longer is killed, and all that it started with it. */
const RUN_MS = 30_000;
/** The end of what it says, in bytes: enough for the reason. */
const MAX_SAID = 4_096;

/** A program that gets the JSON object at its standard input, and is run again when its exit code is not 0. */
export class ExecTarget implements Target {
  readonly name: string;
  readonly #program: string;
  readonly #runMs: number;

  /** @param program a path; it gets no arguments, and no shell reads it */
  constructor(program: string, runMs: number = RUN_MS) {
    this.name = program;
    this.#program = program;
    this.#runMs = runMs;
  }

  async deliver(text: string, id: string, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { event } = JSON.parse(text) as { readonly event: string };
    const child = spawn(this.#program, [], {
      env: { ...process.env, ENXAME_DELIVERY: id, ENXAME_EVENT: event },
      stdio: ['pipe', 'ignore', 'pipe'],
      // A group of its own, to be ended as a whole.
      detached: true,
    });
    const said = tailOf(child);
    // A program may end without reading its input: EPIPE then says nothing its exit code does not.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(`${text}\n`);
    const exitCode = await this.#ended(child, signal);
    if (exitCode !== 0) throw new Error(`its exit code was ${exitCode}: ${said().trim().slice(-200)}`);
  }

  /** What it leaves running in the background is not waited for. */
  #ended(child: ChildProcess, signal: AbortSignal): Promise<number | string> {
    return new Promise((resolve, reject) => {
      const killed = (why: unknown): void => {
        killGroup(child);
        settle();
        reject(why);
      };
      const onAbort = (): void => killed(signal.reason);
      const timer = setTimeout(() => killed(new Error(`it did not end within ${this.#runMs} ms`)), this.#runMs);
      const settle = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        child.stderr?.destroy();
      };
      signal.addEventListener('abort', onAbort);
      child.once('error', (error) => {
        settle();
        reject(error);
      });
      child.once('exit', (code, by) => {
        // What it wrote last is on its way still.
        setImmediate(() => {
          settle();
          resolve(code ?? by ?? 'SIGKILL');
        });
      });
    });
  }
}

function tailOf({ stderr }: ChildProcess): () => string {
  let tail = Buffer.alloc(0);
  stderr?.on('error', () => undefined);
  stderr?.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-MAX_SAID);
  });
  return () => tail.toString();
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
