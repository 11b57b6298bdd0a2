import type { Command } from 'commander';
import type { DockerNode } from '../../../api/views/docker-node.ts';
import type { CommandContext } from '../../command.ts';
import { addManagerFlags, type ManagerFlags, managerClient } from '../../manager-client.ts';
import { formatHelp, formatJson, formatRows, type View } from '../../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, labelsOf, nodesWith } from './nodes.ts';

interface Row {
  readonly Name: string;
  readonly ID: string;
  readonly Address: string;
  readonly Status: string;
  readonly Availability: string;
  /** `key=value, key=value`. */
  readonly Labels: string;
  readonly EngineVersion: string;
  /** Why it is not ready; empty when it is. */
  readonly Message: string;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'ADDRESS', value: (row) => row.Address, keep: 'whole' },
    { title: 'STATUS', value: (row) => row.Status, keep: 'whole' },
    { title: 'AVAILABILITY', value: (row) => row.Availability, keep: 'whole' },
    { title: 'VERSION', value: (row) => row.EngineVersion, drop: 1 },
    { title: 'LABELS', value: (row) => row.Labels },
  ],
};

/** `ls` and `inspect`. */
export function configure(node: Command, context: CommandContext): void {
  addChoiceFlags(node.command('ls').alias('list').summary('list nodes: state, availability, labels'))
    .option('-q, --quiet', 'print IDs only')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Availability}}'))
    .action((flags: ChoiceFlags & { readonly quiet?: boolean }) =>
      context.interruptible((signal) => list(flags, context, signal)),
    );
  addManagerFlags(
    node.command('inspect').summary('print nodes as JSON').argument('<node...>', 'name, ID or address'),
  ).action((names: readonly string[], flags: ManagerFlags) =>
    context.interruptible((signal) => inspect(names, flags, context, signal)),
  );
}

async function list(
  flags: ChoiceFlags & { readonly quiet?: boolean },
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const nodes = await nodesWith(flags.where ?? [], await managerClient(flags, context), signal);
  if (flags.quiet) context.out(nodes.map(({ ID }) => `${ID}\n`).join(''));
  else context.out(formatRows(VIEW, nodes.map(toRow), flags.format, context));
}

async function inspect(
  names: readonly string[],
  flags: ManagerFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  const nodes: DockerNode[] = [];
  for (const name of names) nodes.push(await client.get<DockerNode>(`/nodes/${encodeURIComponent(name)}`, signal));
  context.out(formatJson(nodes));
}

function toRow(node: DockerNode): Row {
  const { ID, Description, Spec, Status } = node;
  return {
    Name: Description.Hostname,
    ID,
    Address: Status.Addr,
    Status: Status.State,
    Availability: Spec.Availability,
    Labels: [...labelsOf(node)].map(([key, value]) => `${key}=${value}`).join(', '),
    EngineVersion: Description.Engine.EngineVersion,
    Message: Status.Message ?? '',
  };
}
