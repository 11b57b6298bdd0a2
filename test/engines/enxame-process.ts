import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** One run of the built `enxame` command. */
export interface EnxameProcess {
  readonly child: ChildProcess;
  /** All that standard output and error said so far. */
  said(): string;
  /** Resolves with the match once the output has it; rejects with the output when the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>;
  /** Sends a signal and resolves with the exit code (null when a signal ended it). */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Resolves with the exit code when it ends by itself. */
  ended(): Promise<number | null>;
}

/** Starts `enxame` with arguments; the built package in dist/ is used, as users have it, unless another `main` is named. */
export function enxame(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  main: string = MAIN,
): EnxameProcess {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const waiting = new Set<() => void>();
  const hear = (chunk: Buffer): void => {
    text += chunk.toString();
    for (const check of waiting) check();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  const exit = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    said: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          const match = pattern.exec(text);
          if (!match) return;
          waiting.delete(check);
          resolve(match);
        };
        waiting.add(check);
        exit.then(
          () => reject(new Error(`enxame ${args.join(' ')} ended before it said ${pattern}:\n${text}`)),
          reject,
        );
        check();
      }),
    end: (signal) => {
      child.kill(signal);
      return exit;
    },
    ended: () => exit,
  };
}
