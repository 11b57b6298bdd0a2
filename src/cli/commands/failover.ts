import type { Command } from 'commander';
import type { FailoverAnswer } from '../../api/routes/failover.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';

const EXAMPLES = `
Examples:
  $ enxame failover status                                # lost nodes, drills, containers that move or wait, and why
  $ enxame failover resume                                # the nodes that do not answer are really gone

A manager that reaches fewer than half of the nodes that were last known healthy may be the one that is cut off, and moves nothing: its
brake is on. It ends when enough of them are back. Resume only when you know that the others are down: what runs there still would run twice.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags {
  readonly format?: string;
}

interface Row {
  readonly Kind: 'brake' | 'drill' | 'lost' | 'moving' | 'waiting';
  readonly Name: string;
  readonly Node: string;
  readonly Why: string;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'WHAT', value: (row) => row.Kind, color: (row) => (row.Kind === 'moving' ? 'yellow' : 'red') },
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'NODE', value: (row) => row.Node },
    { title: 'WHY', value: (row) => row.Why },
  ],
};

/** `enxame failover`: what is brought back after the loss of nodes. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  addManagerFlags(command.command('status').summary('list lost nodes, and containers that move or wait'))
    .option('--format <format>', formatHelp('{{.Name}}'))
    .action((flags: Flags) => context.interruptible((signal) => status(flags, context, signal)));
  addManagerFlags(command.command('resume').summary('release the brake: nodes that do not answer are gone')).action(
    (flags: ManagerFlags) => context.interruptible((signal) => resume(flags, context, signal)),
  );
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

async function status(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const view = await client.get<FailoverAnswer>('/enxame/v1/failover', signal);
  context.out(formatRows(VIEW, rowsOf(view), flags.format, context));
}

async function resume(flags: ManagerFlags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const { brake } = await client.get<FailoverAnswer>('/enxame/v1/failover', signal);
  await client.post('/enxame/v1/failover/resume', {}, signal);
  context.out(brake === null ? 'The brake was not on\n' : 'Containers are moved again\n');
}

function rowsOf({ brake, drill, lost, moving, waiting }: FailoverAnswer): readonly Row[] {
  return [
    ...(brake === null ? [] : [{ Kind: 'brake', Name: '', Node: '', Why: brake } as const]),
    ...drill.map(({ name, until }) => {
      const Why = until === null ? "treated as lost until 'enxame drill end'" : `treated as lost until ${until}`;
      return { Kind: 'drill', Name: name, Node: name, Why } as const;
    }),
    ...lost.map(({ name, reason }) => ({ Kind: 'lost', Name: name, Node: name, Why: reason }) as const),
    ...moving.map(
      ({ name, node, to }) => ({ Kind: 'moving', Name: name, Node: node, Why: `to ${to ?? 'a node'}` }) as const,
    ),
    ...waiting.map(({ name, node, why }) => ({ Kind: 'waiting', Name: name, Node: node, Why: why }) as const),
  ];
}
