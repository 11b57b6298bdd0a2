import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ClusterError } from '../common/errors.ts';

/** How one run of the tutorial ended badly: the command, its exit code and what it said. */
export class TutorialError extends ClusterError {
  constructor(message: string) {
    super(message, { code: 'TUTORIAL', status: 500 });
  }
}

const STOP_GRACE_MS = 12_000;
/** Runs a line and tells on descriptor 3 which folder and which variables are those of the next one, as in one shell. */
const SHELL = 'set -a; eval "$1" || exit; exec 1>&3; pwd; printf "\\0"; exec env -0';

/** Shows each line with its real output, as in a terminal, and keeps the programs that run beside it. */
export class Terminal {
  readonly #out: Writable;
  readonly #background: { readonly child: ChildProcess; readonly shown: string }[] = [];
  #env: NodeJS.ProcessEnv;
  #folder: string;

  constructor(out: Writable, env: NodeJS.ProcessEnv, folder: string) {
    this.#out = out;
    this.#env = env;
    this.#folder = folder;
  }

  /** A line of explanation. */
  say(text: string): void {
    this.#out.write(`\n# ${text}\n`);
  }

  /** Sets variables without showing them: they only keep the machine's own settings out. */
  prepare(variables: Readonly<Record<string, string>>): void {
    this.#env = { ...this.#env, ...variables };
  }

  /** A variable as the lines before have set it. */
  variable(name: string): string {
    return this.#env[name] ?? '';
  }

  /** Runs a line to its end and returns its standard output. Throws a {@link TutorialError} when it fails. */
  async run(line: string, signal: AbortSignal): Promise<string> {
    this.#out.write(`$ ${line}\n`);
    return await this.#shell(line, signal, this.#out);
  }

  /** Runs a line that only looks or helps, without showing it, and returns its standard output. Throws as {@link run} does. */
  async quietly(line: string, signal: AbortSignal): Promise<string> {
    return await this.#shell(line, signal, undefined);
  }

  async #shell(line: string, signal: AbortSignal, shown: Writable | undefined): Promise<string> {
    const child = spawn('bash', ['-c', SHELL, 'bash', line], {
      env: this.#env,
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
      signal,
    });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      shown?.write(chunk);
    });
    child.stderr?.on('data', (chunk: Buffer) => shown?.write(chunk));
    const told = buffer(child.stdio[3] as Readable);
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new TutorialError(`"${line}" ended with exit code ${code}`);
    const [folder = '', ...variables] = (await told).toString().split('\0');
    this.#folder = folder.replace(/\n$/, '');
    const pairs = variables.filter((pair) => pair.includes('='));
    this.#env = Object.fromEntries(
      pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    return output;
  }

  /** Starts a program that goes on beside the tutorial, as a line with `&` at its end does; resolves once its output says `ready`. */
  async start(line: string, ready: RegExp, signal: AbortSignal): Promise<string> {
    this.#out.write(`$ ${line}\n`);
    const program = `exec ${line.replace(/\s*&$/, '')}`;
    const child = spawn('bash', ['-c', program], {
      env: this.#env,
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#background.push({ child, shown: line });
    const said = await firstOutput(child, ready, line, signal);
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
