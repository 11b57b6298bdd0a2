import { ClusterError, reasonOf } from '../../../common/errors.ts';
import type { Task } from '../../../machine/provisioner.ts';
import type { CommandContext } from '../../command.ts';

/** Work on one machine. */
export type MachineWork = (name: string, task: Task) => Promise<void>;

/** How many machines are worked on at once. */
const AT_ONCE = 16;

/**
 * Does `work` on all machines at once and says how it goes: live, a line or two for each, on a terminal; a line for each step
 * otherwise. Ctrl-C reaches all of them. When some failed the others are finished first; the error names each.
 */
export async function onEach(names: readonly string[], cli: CommandContext, work: MachineWork): Promise<void> {
  const failures = new Map<string, unknown>();
  await cli.interruptible(async (signal) => {
    const guarded: MachineWork = async (name, task) => {
      try {
        await work(name, task);
      } catch (error) {
        failures.set(name, error);
        throw error;
      }
    };
    if (cli.isErrTerminal && process.stdout.isTTY) await live(names, guarded, signal);
    else await plain(names, cli, guarded, signal);
  });
  const [first] = failures;
  if (first === undefined) return;
  if (names.length === 1) throw first[1];
  throw summary(names.length, failures);
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
  return new ClusterError(`${failures.size} of ${total} machines failed: ${each}`, { code, status: 500 });
}
