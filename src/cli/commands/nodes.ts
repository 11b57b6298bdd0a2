import type { Command } from 'commander';
import { printable } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { type ManagerInfo, type NodeRow, readStatus } from '../manager-info.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';

interface Flags extends ManagerFlags {
  readonly quiet?: boolean;
  readonly format?: string;
}

const VIEW: View<NodeRow> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'ADDRESS', value: (row) => row.Address, keep: 'whole' },
    { title: 'STATUS', value: statusWords, keep: 'whole', color: statusColor },
    {
      title: 'CONTAINERS',
      value: (row) => row.Containers.replace(/^(\d+) \((\d+) Running.*$/, '$2 of $1 running'),
      keep: 'whole',
    },
    { title: 'CPUS', value: (row) => row.ReservedCPUs, keep: 'whole', drop: 2 },
    { title: 'MEMORY', value: (row) => row.ReservedMemory, keep: 'whole', drop: 1 },
    { title: 'VERSION', value: (row) => row.ServerVersion, drop: 3 },
    { title: 'ERROR', value: (row) => row.Error },
  ],
};

/** On a terminal errors, which are long, stand below the table. */
const SHORT_VIEW: View<NodeRow> = { columns: VIEW.columns.filter(({ title }) => title !== 'ERROR') };

function errorLines(rows: readonly NodeRow[]): string {
  const failing = rows.filter((row) => row.Error !== '');
  return failing.map((row) => `${printable(`${row.Name} ${row.Address}: ${row.Error}`)}\n`).join('');
}

/** `Healthy`, `Healthy, paused` or `Healthy, drained`. */
function statusWords({ Status, Availability }: NodeRow): string {
  return Availability === 'Active' ? Status : `${Status}, ${Availability === 'Drain' ? 'drained' : 'paused'}`;
}

function statusColor({ Status, Availability }: NodeRow): 'green' | 'yellow' | 'red' {
  if (Status === 'Healthy') return Availability === 'Active' ? 'green' : 'yellow';
  return Status === 'Pending' ? 'yellow' : 'red';
}

const EXAMPLES = `
Examples:
  $ enxame nodes                                          # state, load and errors of all nodes
  $ enxame nodes --format json
  $ enxame nodes --format 'table {{.Name}}\\t{{.Status}}\\t{{.Labels}}'

CPUS and MEMORY: reserved by containers / total of the node.
${MANAGER_HELP}`;

/** `enxame nodes`: the engines of a running cluster. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .option('-q, --quiet', 'print names only')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Status}}'))
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => nodes(flags, context, signal)));
}

async function nodes(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const { nodes: rows } = readStatus(await client.get<ManagerInfo>('/info', signal), client.address);
  if (flags.quiet) context.out(rows.map(({ Name }) => `${Name}\n`).join(''));
  else if (context.columns === undefined || flags.format) context.out(formatRows(VIEW, rows, flags.format, context));
  else context.out(`${formatRows(SHORT_VIEW, rows, undefined, context)}${errorLines(rows)}`);
}
