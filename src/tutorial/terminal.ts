import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { ClusterError } from '../common/errors.ts';

/** A command as a person types it, and what really runs. */
export interface Typed {
  /** What is shown behind the `$`. */
  readonly shown: string;
  readonly command: string;
  readonly args: readonly string[];
}

/** How one run of the tutorial ended badly: the command, its exit code and what it said. */
export class TutorialError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'TUTORIAL', status: 500 });
  }
}

const STOP_GRACE_MS = 12_000;

/** Shows each command with its real output, as in a terminal, and keeps the programs that run beside it. */
export class Terminal {
  readonly #out: Writable;
  readonly #background: { readonly child: ChildProcess; readonly shown: string }[] = [];
  #env: NodeJS.ProcessEnv;

  constructor(out: Writable, env: NodeJS.ProcessEnv) {
    this.#out = out;
    this.#env = env;
  }

  /** A line of explanation. */
  say(text: string): void {
    this.#out.write(`\n# ${text}\n`);
  }

  /** What `export NAME=value` does. */
  export(variables: Readonly<Record<string, string>>): void {
    this.#env = { ...this.#env, ...variables };
    const shown = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    this.#out.write(`$ export ${shown.join(' ')}\n`);
  }

  /** Shows a line that sets variables, and sets them. */
  evaluate(shown: string, variables: Readonly<Record<string, string>>): void {
    this.prepare(variables);
    this.#out.write(`$ ${shown}\n`);
  }

  /** Sets variables without showing them: they only keep the machine's own settings out. */
  prepare(variables: Readonly<Record<string, string>>): void {
    this.#env = { ...this.#env, ...variables };
  }

  /** Runs a command to its end and returns its standard output. Throws a {@link TutorialError} when it fails. */
  async run(typed: Typed, signal: AbortSignal): Promise<string> {
    this.#out.write(`$ ${typed.shown}\n`);
    const child = spawn(typed.command, typed.args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      this.#out.write(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => this.#out.write(chunk));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new TutorialError(`"${typed.shown}" ended with exit code ${code}`);
    return output;
  }

  /** Runs a command that only looks, without showing it, and returns its standard output. */
  async quietly(typed: Typed, signal: AbortSignal): Promise<string> {
    const child = spawn(typed.command, typed.args, { env: this.#env, stdio: ['ignore', 'pipe', 'ignore'], signal });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    await once(child, 'close');
    return output;
  }

  /** Starts a program that goes on beside the tutorial; resolves once its output says `ready`. */
  async start(typed: Typed, ready: RegExp, signal: AbortSignal): Promise<string> {
    this.#out.write(`$ ${typed.shown} &\n`);
    const child = spawn(typed.command, typed.args, { env: this.#env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#background.push({ child, shown: typed.shown });
    const said = await firstOutput(child, ready, typed.shown, signal);
    this.#out.write(said);
    return said;
  }

  /** Ends every program started beside the tutorial, the last one first. */
  async close(): Promise<void> {
    for (const { child } of this.#background.splice(0).reverse()) await stop(child);
  }
}

function firstOutput(child: ChildProcess, ready: RegExp, shown: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const fail = (why: string): void => reject(new TutorialError(`"${shown}" ${why}\n${said}`));
    child.stdout?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (ready.test(said)) resolve(said);
    });
    // Log lines are the program's own business once it runs; before that they say why it does not.
    child.stderr?.on('data', (chunk: Buffer) => {
      if (said.length < 4096) said += chunk.toString();
      if (ready.test(said)) resolve(said);
    });
    child.once('error', (error) => fail(`cannot be started: ${error.message}`));
    child.once('exit', (code) => fail(`ended with exit code ${code}`));
    signal.addEventListener('abort', () => fail('was interrupted'), { once: true });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(timer);
}
