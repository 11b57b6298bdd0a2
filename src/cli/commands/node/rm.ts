import type { Command } from 'commander';
import { ConflictError } from '../../../common/errors.ts';
import type { CommandContext } from '../../command.ts';
import { managerClient } from '../../manager-client.ts';
import { formatHelp, formatRows, type View } from '../../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, chosenNodes } from './nodes.ts';

interface Flags extends ChoiceFlags {
  readonly dryRun?: boolean;
}

interface Row {
  readonly Name: string;
  readonly ID: string;
  /** False with `--dry-run`. */
  readonly IsDone: boolean;
}

const VIEW: View<Row> = { columns: [{ title: 'NAME', value: (row) => row.Name, keep: 'whole' }] };

/** `rm`. */
export function configure(node: Command, context: CommandContext): void {
  addChoiceFlags(
    node.command('rm').summary('let go of nodes that left discovery, with what they held').argument('[node...]'),
  )
    .option('--dry-run', 'print the nodes without removing them')
    .option('--format <format>', formatHelp('{{.Name}}'))
    .action((names: readonly string[], flags: Flags) =>
      context.interruptible((signal) => remove(names, flags, context, signal)),
    );
}

async function remove(
  names: readonly string[],
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  const nodes = await chosenNodes(names, flags, client, signal);
  const present = nodes.find(({ Status }) => Status.State !== 'disconnected');
  if (present)
    throw new ConflictError(
      `node ${present.Description.Hostname} is in the cluster: take it out of discovery first; nothing was removed`,
      'NODE_IN_USE',
    );
  const rows: Row[] = [];
  for (const { ID, Description } of nodes) {
    if (!flags.dryRun) await client.delete(`/nodes/${encodeURIComponent(ID)}`, signal);
    rows.push({ Name: Description.Hostname, ID, IsDone: !flags.dryRun });
  }
  context.out(formatRows(VIEW, rows, flags.format, context));
}
