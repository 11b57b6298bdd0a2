import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { type ManagerInfo, type NodeRow, readStatus } from '../manager-info.ts';
import { FORMAT_HELP, formatRows, type View } from '../output/format.ts';

interface Flags extends ManagerFlags {
  readonly quiet?: boolean;
  readonly format?: string;
}

const VIEW: View<NodeRow> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name },
    { title: 'ADDRESS', value: (row) => row.Address },
    { title: 'STATUS', value: (row) => row.Status },
    { title: 'CONTAINERS', value: (row) => row.Containers.replace(/^(\d+) \((\d+) Running.*$/, '$2 of $1 running') },
    { title: 'CPUS', value: (row) => row.ReservedCPUs },
    { title: 'MEMORY', value: (row) => row.ReservedMemory },
    { title: 'VERSION', value: (row) => row.ServerVersion },
    { title: 'ERROR', value: (row) => row.Error },
  ],
};

const EXAMPLES = `
Examples:
  $ enxame nodes                                          # who is there, how full, and what is wrong
  $ enxame nodes --format json
  $ enxame nodes --format 'table {{.Name}}\\t{{.Status}}\\t{{.Labels}}'

CPUS and MEMORY are what containers reserved of what the node has.
${MANAGER_HELP}`;

/** `enxame nodes`: the engines of a running swarm. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('-q, --quiet', 'only names')
    .option('--format <format>', FORMAT_HELP)
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => nodes(flags, context, signal)));
}

async function nodes(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const { nodes: rows } = readStatus(await client.get<ManagerInfo>('/info', signal), client.address);
  if (flags.quiet) context.out(rows.map(({ Name }) => `${Name}\n`).join(''));
  else context.out(formatRows(VIEW, rows, flags.format, context.columns));
}
