import type { Command } from 'commander';
import { MAX_KEEP_SOURCE_MS, type Plan } from '../../availability/plan.ts';
import type { RunView } from '../../availability/plan-run.ts';
import { UsageError } from '../../common/errors.ts';
import { assertSomethingMoves, type CarryOutFlags, carryOut, countFlag } from '../carry-out.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { durationFlag } from '../discovery-options.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';
import { collect } from './node/nodes.ts';

const EXAMPLES = `
Examples:
  $ enxame move web --to bee-2                            # shows the plan and asks
  $ enxame move db --where region=eu --yes                # with its volumes, which are copied and verified
  $ enxame move web-1 web-2 web-3 --where provider=hetzner --at-once 2
  $ enxame move ls                                        # plans that are being carried out
  $ enxame move stop 5f0c1a9be214

Without --to and --where the scheduler chooses another node. The new container runs, healthy, before the old one is stopped; one with volumes is stopped
first. Ctrl-C leaves the plan to the manager.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags, CarryOutFlags {
  readonly to?: string;
  readonly where?: readonly string[];
}

interface Row {
  readonly ID: string;
  readonly Reason: string;
  readonly State: string;
  readonly Moved: number;
  readonly Failed: number;
  readonly Moves: number;
  readonly AcceptedAt: string;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'PLAN', value: (row) => row.ID, keep: 'whole' },
    { title: 'REASON', value: (row) => row.Reason },
    { title: 'STATE', value: (row) => row.State },
    { title: 'MOVED', value: ({ Moved, Moves }) => `${Moved}/${Moves}` },
    { title: 'FAILED', value: ({ Failed }) => String(Failed) },
    { title: 'SINCE', value: (row) => row.AcceptedAt },
  ],
};

/** `enxame move`: containers to other nodes. */
export function configure(command: Command, context: CommandContext): void {
  command.enablePositionalOptions();
  addRunFlags(addManagerFlags(command.argument('[container...]', 'name or ID')))
    .option('--to <node>', 'name, ID or address of the node')
    .option('--where <label=value>', 'to nodes with this label; may be repeated', collect)
    .addHelpText('after', EXAMPLES)
    .action((names: readonly string[], flags: Flags) =>
      context.interruptible((signal) => move(names, flags, context, signal)),
    );
  addManagerFlags(command.command('ls').summary('list plans that are being carried out, and the last that ended'))
    .option('--format <format>', formatHelp('{{.ID}}\\t{{.State}}'))
    .action((flags: ManagerFlags & { readonly format?: string }) =>
      context.interruptible((signal) => list(flags, context, signal)),
    );
  addManagerFlags(command.command('stop').summary('begin no further move of a plan, and undo those under way'))
    .argument('<plan>', 'ID of the plan')
    .action((id: string, flags: ManagerFlags) =>
      context.interruptible(async (signal) =>
        (await managerClient(flags, context)).delete(`/enxame/v1/moves/${encodeURIComponent(id)}`, signal),
      ),
    );
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

/** Adds the flags of {@link CarryOutFlags}. */
export function addRunFlags(command: Command): Command {
  return command
    .option('--dry-run', 'print the plan, and do nothing')
    .option('--yes', 'do not ask')
    .option('--at-once <n>', 'moves at a time (default 1)', countFlag('--at-once', 1, 100))
    .option(
      '--keep-source <duration>',
      'how long volumes stay where they were, at most 366 days (default 24h)',
      keepSourceFlag,
    )
    .option('--format <format>', 'table or json');
}

function keepSourceFlag(text: string): number {
  const keepMs = durationFlag('--keep-source')(text);
  if (keepMs > MAX_KEEP_SOURCE_MS) throw new UsageError(`--keep-source "${text}" is longer than 366 days`);
  return keepMs;
}

async function move(
  names: readonly string[],
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  if (names.length === 0) throw new UsageError('name the containers to move');
  if (flags.to !== undefined && flags.where) throw new UsageError('--to and --where exclude each other');
  const client = await managerClient(flags, context);
  const query = new URLSearchParams([
    ...names.map((name): [string, string] => ['container', name]),
    ...(flags.to === undefined ? [] : [['to', flags.to] as [string, string]]),
    ...(flags.where ?? []).map((label): [string, string] => ['where', label]),
  ]);
  const make = async (): Promise<Plan> => {
    const plan = await client.get<Plan>(`/enxame/v1/plans/move?${query}`, signal);
    if (!flags.dryRun) assertSomethingMoves(plan);
    return plan;
  };
  await carryOut(make, flags, client, context, signal);
}

async function list(
  flags: ManagerFlags & { readonly format?: string },
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  const runs = await client.get<readonly RunView[]>('/enxame/v1/moves', signal);
  context.out(formatRows(VIEW, runs.map(toRow), flags.format, context));
}

function toRow({ id, reason, isOver, moves, acceptedAt }: RunView): Row {
  const count = (...states: readonly string[]): number => moves.filter(({ state }) => states.includes(state)).length;
  return {
    ID: id,
    Reason: reason.kind,
    State: isOver ? 'over' : 'moving',
    Moved: count('moved'),
    Failed: count('failed', 'skipped'),
    Moves: moves.length,
    AcceptedAt: acceptedAt,
  };
}
