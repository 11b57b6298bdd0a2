import { setMaxListeners } from 'node:events';
import { ClusterError, reasonOf } from '../../../common/errors.ts';
import type { Task } from '../../../provision/provisioner.ts';
import type { CommandContext } from '../../command.ts';

/** Work on one machine. */
export type MachineWork = (name: string, task: Task) => Promise<void>;

/** How many machines are worked on at once. */
const AT_ONCE = 16;

/** Exit codes of shells for a program that a signal ended. */
const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Does `work` on all machines concurrently and reports progress: on a terminal live, a line or two for each; otherwise a line
 * for each step. Ctrl-C reaches all of them. Failures are thrown when all are finished; the error names each.
 */
export async function onEach(names: readonly string[], cli: CommandContext, work: MachineWork): Promise<void> {
  const failures = new Map<string, unknown>();
  let interruption: unknown;
  await cli.interruptible(async (signal) => {
    // Every machine listens, and Node would warn of more than ten.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', () => {
      interruption = signal.reason;
    });
    const guarded: MachineWork = async (name, task) => {
      try {
        await work(name, task);
      } catch (error) {
        failures.set(name, error);
        throw error;
      }
    };
    // On a terminal of unknown width listr would print a character a line.
    if (cli.isErrTerminal && cli.columns) await live(names, guarded, signal);
    else await plain(names, cli, guarded, signal);
  });
  const [first] = failures;
  if (first === undefined) return;
  const error = names.length === 1 ? first[1] : summary(names.length, failures);
  throw interruption === undefined ? error : interrupted(error, interruption);
}

async function plain(
  names: readonly string[],
  cli: CommandContext,
  work: MachineWork,
  signal: AbortSignal,
): Promise<void> {
  const { default: pLimit } = await import('p-limit');
  const limit = pLimit(AT_ONCE);
  const one = async (name: string): Promise<void> => {
    let last = '';
    const report = (text: string): void => {
      if (text !== last) cli.err(`(${name}) ${text}\n`);
      last = text;
    };
    await work(name, { signal, report });
  };
  // Failures are collected and told at the end.
  await Promise.all(names.map((name) => limit(() => one(name).catch(() => undefined))));
}

async function live(names: readonly string[], work: MachineWork, signal: AbortSignal): Promise<void> {
  const { Listr } = await import('listr2');
  const tasks = names.map((name) => ({
    title: name,
    // The last report tells how to go on, or a changed address.
    rendererOptions: { persistentOutput: true },
    task: async (_context: unknown, task: { output: string; title: string }): Promise<void> => {
      await work(name, {
        signal,
        report: (text) => {
          task.output = text;
        },
      });
    },
  }));
  const list = new Listr(tasks, {
    concurrent: AT_ONCE,
    exitOnError: false,
    registerSignalListeners: false,
    rendererOptions: { showErrorMessage: false, collapseErrors: false },
  });
  await list.run();
}

function summary(total: number, failures: ReadonlyMap<string, unknown>): ClusterError {
  const each = [...failures].map(([name, error]) => `${name}: ${reasonOf(error)}`).join('; ');
  const [first] = failures.values();
  const code = first instanceof ClusterError ? first.code : 'MACHINES_FAILED';
  const codes = new Set([...failures.values()].map((error) => (error instanceof ClusterError ? error.exitCode : 1)));
  const [exitCode] = codes.size === 1 ? codes : [];
  return new ClusterError(`${failures.size} of ${total} machines failed: ${each}`, { code, status: 500, exitCode });
}

function interrupted(error: unknown, reason: unknown): ClusterError {
  const signal = /SIGTERM/.test(reasonOf(reason)) ? 'SIGTERM' : 'SIGINT';
  const code = error instanceof ClusterError ? error.code : 'INTERRUPTED';
  return new ClusterError(reasonOf(error), { code, status: 500, cause: error, exitCode: SIGNAL_EXIT_CODES[signal] });
}
