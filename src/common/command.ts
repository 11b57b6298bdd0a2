import { spawn } from 'node:child_process';
import { ClusterError } from './errors.ts';

/** PATH for programs of the system: Debian keeps half of them in sbin, which a user's PATH may lack. */
export const systemPath = '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin';

/** How a command ended; it is never thrown for. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** How to run a command. */
export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Default two minutes. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A program could not be run, or ended as it should not. */
export class CommandError extends ClusterError {
  constructor(message: string, cause?: unknown) {
    super(message, { code: 'COMMAND', status: 500, cause });
  }
}

/** Runs a program to its end and collects its output. Rejects only if it cannot be started, is aborted or takes too long. */
export function run(command: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const { input, env, timeoutMs = 120_000, signal } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, PATH: systemPath, LC_ALL: 'C', ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
      signal,
    });
    const output: Buffer[] = [];
    const errors: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    // A program may end without reading its input: EPIPE then says nothing its exit code does not.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new CommandError(`run ${command}: ${error.message}`, error));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) return reject(new CommandError(`run ${command} ${args.join(' ')}: no end after ${timeoutMs} ms`));
      resolve({ stdout: text(output), stderr: text(errors), exitCode: code ?? 137 });
    });
  });
}

/** As {@link run}, but a non-zero exit code is an error that carries what the program said. Returns its standard output. */
export async function must(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-3).join(' | ');
  throw new CommandError(`${command} ${args.join(' ')}: exit code ${result.exitCode}: ${said}`);
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}
