import { spawn } from 'node:child_process';
import { ClusterError } from '../common/errors.ts';
import type { CommandOptions, CommandResult } from './types.ts';

/** PATH for every program the lab starts: Debian keeps half of them in sbin, which a user's PATH may lack. */
export const systemPath = '/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin';

/** An error of the lab itself: what it tried and why it did not work. */
export class LabError extends ClusterError {
  constructor(message: string, code: string = 'LAB', cause?: unknown) {
    super(message, { code, status: 500, cause });
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
      reject(new LabError(`run ${command}: ${error.message}`, 'LAB_COMMAND', error));
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) return reject(new LabError(`run ${command} ${args.join(' ')}: no end after ${timeoutMs} ms`));
      resolve({ stdout: text(output), stderr: text(errors), exitCode: code ?? 137 });
    });
  });
}

/** As {@link run}, but a non-zero exit code is an error that carries what the program said. Returns its standard output. */
export async function must(command: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const result = await run(command, args, options);
  if (result.exitCode === 0) return result.stdout;
  const said = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-3).join(' | ');
  throw new LabError(`${command} ${args.join(' ')}: exit code ${result.exitCode}: ${said}`, 'LAB_COMMAND');
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString();
}
