import { run } from '../common/command.ts';
import type { Target } from './target.ts';

/** Bound on one run, in milliseconds; what runs longer is killed. */
const RUN_MS = 30_000;

/** A program that gets the JSON object at its standard input, and is run again when its exit code is not 0. */
export class ExecTarget implements Target {
  readonly name: string;
  readonly #program: string;

  /** @param program a path, or a name in the PATH; it gets no arguments, and no shell reads it */
  constructor(program: string) {
    this.name = program;
    this.#program = program;
  }

  async deliver(text: string, id: string, signal: AbortSignal): Promise<void> {
    const env = { ENXAME_DELIVERY: id, ENXAME_EVENT: (JSON.parse(text) as { readonly event: string }).event };
    const { exitCode, stderr } = await run(this.#program, [], { input: `${text}\n`, env, timeoutMs: RUN_MS, signal });
    if (exitCode !== 0) throw new Error(`its exit code was ${exitCode}: ${stderr.trim().slice(-200)}`);
  }
}
