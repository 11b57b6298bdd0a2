import type { Command } from 'commander';
import { printable } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { type ManagerInfo, type ManagerStatus, readStatus } from '../manager-info.ts';
import { formatJson, formatRows } from '../output/format.ts';

interface Flags extends ManagerFlags {
  readonly format?: string;
}

/** The cluster in numbers, as `json` and templates see it. */
interface Summary {
  readonly Address: string;
  readonly Version: string;
  readonly Role: string;
  readonly Strategy: string;
  readonly Filters: string;
  readonly Nodes: number;
  /** Nodes by state. */
  readonly States: Readonly<Record<string, number>>;
  readonly Containers: number;
  readonly Running: number;
  readonly Paused: number;
  readonly Stopped: number;
  readonly Images: number;
  readonly CPUs: number;
  readonly MemoryBytes: number;
  readonly Warnings: readonly string[];
}

const EXAMPLES = `
Examples:
  $ enxame info
  $ enxame info --format '{{.Running}} of {{.Containers}} on {{.Nodes}} nodes'
${MANAGER_HELP}`;

/** `enxame info`: a running cluster in a few lines. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('--format <format>', "'json', or a template like '{{.Nodes}} {{.Containers}}'")
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => info(flags, context, signal)));
}

async function info(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const answer = await client.get<ManagerInfo>('/info', signal);
  const summary = summarize(answer, readStatus(answer, client.address), client.address);
  if (flags.format === 'json') context.out(formatJson(summary));
  else if (flags.format)
    context.out(formatRows({ columns: [], fields: (row) => ({ ...row }) }, [summary], flags.format));
  else context.out(describe(summary));
}

function summarize(answer: ManagerInfo, { facts, nodes }: ManagerStatus, address: string): Summary {
  const states = new Map<string, number>();
  for (const { Status } of nodes) states.set(Status, (states.get(Status) ?? 0) + 1);
  return {
    Address: address,
    Version: answer.ServerVersion ?? '',
    Role: facts.get('Role') ?? '',
    Strategy: facts.get('Strategy') ?? '',
    Filters: facts.get('Filters') ?? '',
    Nodes: nodes.length,
    States: Object.fromEntries(states),
    Containers: answer.Containers ?? 0,
    Running: answer.ContainersRunning ?? 0,
    Paused: answer.ContainersPaused ?? 0,
    Stopped: answer.ContainersStopped ?? 0,
    Images: answer.Images ?? 0,
    CPUs: answer.NCPU ?? 0,
    MemoryBytes: answer.MemTotal ?? 0,
    Warnings: answer.Warnings ?? [],
  };
}

function describe(summary: Summary): string {
  const states = Object.entries(summary.States).map(([state, count]) => `${count} ${state.toLowerCase()}`);
  const lines: readonly (readonly [string, string])[] = [
    ['Manager', `${summary.Address} (${summary.Version}, ${summary.Role})`],
    ['Strategy', summary.Strategy],
    ['Filters', summary.Filters],
    ['Nodes', `${summary.Nodes}${states.length === 0 ? '' : ` (${states.join(', ')})`}`],
    [
      'Containers',
      `${summary.Containers} (${summary.Running} running, ${summary.Paused} paused, ${summary.Stopped} stopped)`,
    ],
    ['Images', String(summary.Images)],
    ['CPUs', String(summary.CPUs)],
    ['Memory', `${(summary.MemoryBytes / 2 ** 30).toFixed(1)} GiB`],
  ];
  const warnings = summary.Warnings.map((warning) => `${printable(warning)}\n`);
  return `${lines.map(([name, value]) => `${`${name}:`.padEnd(12)}${printable(value)}\n`).join('')}${warnings.join('')}`;
}
