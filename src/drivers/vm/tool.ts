import { spawn } from 'node:child_process';
import { DriverError } from '../errors.ts';

/** How a program ended. */
export interface ToolResult {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program is run. */
export interface ToolOptions {
  readonly signal: AbortSignal;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** Bound in milliseconds; default a minute. Its exit code is then -1. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;

/** Runs a program of this computer to its end. Rejects with `MISSING_TOOL` when there is none of that name. */
export function runTool(program: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const { signal, cwd, env, timeoutMs = TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env: { ...env } }),
    });
    const texts = { stdout: '', stderr: '' };
    child.stdout.on('data', (bytes: Buffer) => {
      texts.stdout += bytes.toString();
    });
    child.stderr.on('data', (bytes: Buffer) => {
      texts.stderr += bytes.toString();
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else if (error.code === 'ENOENT') reject(new DriverError(`there is no ${program} here`, 'MISSING_TOOL', error));
      else reject(new DriverError(`cannot run ${program}: ${error.message}`, 'DRIVER', error));
    });
    child.once('close', (code) => resolve({ exit: code ?? -1, ...texts }));
  });
}

/** As {@link runTool}; an exit code other than 0 is an error with the last line the program said. Answers its output. */
export async function mustRun(program: string, args: readonly string[], options: ToolOptions): Promise<string> {
  const { exit, stdout, stderr } = await runTool(program, args, options);
  if (exit === 0) return stdout;
  const said = (stderr.trim() || stdout.trim()).split('\n').filter((line) => line.trim() !== '');
  const why = said.at(-1) ?? `exit code ${exit}`;
  throw new DriverError(`${program} ${args[0] ?? ''}: ${why}`, 'TOOL_FAILED');
}
