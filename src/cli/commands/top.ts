import { type Command, Option } from 'commander';
import type { LatestStats } from '../../api/routes/stats.ts';
import { UsageError } from '../../common/errors.ts';
import type { CommandContext } from '../command.ts';
import { durationFlag } from '../discovery-options.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatJson } from '../output/format.ts';
import { LiveTop } from '../top/live-top.ts';
import { plainTop } from '../top/screen.ts';
import type { SortMeasure } from '../top/state.ts';

interface Flags extends ManagerFlags {
  readonly sort: keyof typeof SORTS;
  readonly search?: string;
  readonly limit: string;
  readonly interval?: number;
  readonly once?: boolean;
  readonly format?: string;
}

const SORTS = { cpu: 'cpus', memory: 'memory', network: 'received', disk: 'read' } as const satisfies Record<
  string,
  SortMeasure
>;

const EXAMPLES = `
Examples:
  $ enxame top                                            # ? shows the keys
  $ enxame top --sort memory --search shop
  $ enxame top --once --limit 5 | cat                     # as text, once

Where there is no terminal, the view is printed once. CPU % is of one CPU; what a node uses is the sum over its containers.
${MANAGER_HELP}`;

/** `enxame top`: what nodes and containers use, live. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .addOption(
      new Option('-s, --sort <measure>', 'containers that use most of it first')
        .choices(Object.keys(SORTS))
        .default('cpu'),
    )
    .option('--search <words>', 'only containers with these words in node, name or image')
    .option('-n, --limit <count>', 'containers to print, without a terminal', '100')
    .option('-i, --interval <duration>', 'time between two looks (default: 2s)', durationFlag('--interval'))
    .option('--once', 'print once, also on a terminal')
    .addOption(new Option('--format <format>', 'table or json, printed once').choices(['table', 'json']))
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => top(flags, context));
}

async function top(flags: Flags, context: CommandContext): Promise<void> {
  const intervalMs = flags.interval ?? 2_000;
  if (intervalMs < 200) throw new UsageError('--interval should be at least 200ms');
  if (!/^\d{1,4}$/.test(flags.limit) || Number(flags.limit) > 1_000)
    throw new UsageError(`--limit should be a whole number up to 1000, not "${flags.limit}"`);
  const sort = SORTS[flags.sort];
  const search = flags.search ?? '';
  const client = await managerClient(flags, context);
  const query = new URLSearchParams({ sort, search, limit: flags.limit });
  // Asked before the screen is taken: what is wrong is told as by other commands.
  const ask = (signal: AbortSignal): Promise<LatestStats> => client.get(`/enxame/v1/stats?${query}`, signal);
  const stats = await context.interruptible(ask);
  if (flags.format === 'json') return context.out(formatJson(stats));
  const { terminal, clock, env } = context;
  if (!terminal || flags.once || flags.format) return context.out(plainTop(stats));
  await new LiveTop({ client, terminal, clock, env }, { sort, search }, intervalMs, context.stopSignal()).run();
}
