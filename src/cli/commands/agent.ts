import type { Command } from 'commander';
import type { AgentsAnswer } from '../../api/routes/dialled.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';

const EXAMPLES = `
Examples:
  $ enxame agent ls                                       # agents that dialled this manager, and those that may not
  $ enxame agent revoke bee-1                             # its connections end, and it may dial no manager of the cluster
  $ enxame agent allow bee-1

An agent dials a manager from a host without open ports: 'enxame join --dial'. A revoked one is refused until it is allowed again, though its
certificate is valid. What runs on its host goes on there.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags {
  readonly format?: string;
}

interface Row {
  readonly Name: string;
  readonly Status: 'connected' | 'revoked';
  readonly From: string;
  readonly Since: string;
  readonly Streams: number;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'STATUS', value: (row) => row.Status, color: (row) => (row.Status === 'connected' ? 'green' : 'red') },
    { title: 'FROM', value: (row) => row.From, keep: 'whole' },
    { title: 'SINCE', value: (row) => row.Since },
    { title: 'STREAMS', value: (row) => String(row.Streams) },
  ],
};

/** `enxame agent`: agents that dial the manager. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  addManagerFlags(command.command('ls').summary('list agents that dialled this manager, and those that may not'))
    .option('--format <format>', formatHelp('{{.Name}}'))
    .action((flags: Flags) => context.interruptible((signal) => list(flags, context, signal)));
  for (const [name, summary, done] of CHANGES) {
    addManagerFlags(command.command(name).summary(summary))
      .argument('<name...>', 'names of agents, as in their entries agent://NAME')
      .action((names: readonly string[], flags: ManagerFlags) =>
        context.interruptible(async (signal) => {
          const client = await managerClient(flags, context);
          for (const agent of names) {
            await client.post(`/enxame/v1/agents/${encodeURIComponent(agent)}/${name}`, {}, signal);
            context.out(`${agent} ${done}\n`);
          }
        }),
      );
  }
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

const CHANGES = [
  ['revoke', 'end the connections of agents, and let them dial no more', 'may dial no manager'],
  ['allow', 'let agents dial again that were revoked', 'may dial'],
] as const;

async function list(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const { dialled, revoked } = await client.get<AgentsAnswer>('/enxame/v1/agents', signal);
  const rows: Row[] = [
    ...dialled.map(
      ({ id, from, since, streams }) =>
        ({ Name: id, Status: 'connected', From: from, Since: since, Streams: streams }) as const,
    ),
    ...revoked.map(({ id, since }) => ({ Name: id, Status: 'revoked', From: '', Since: since, Streams: 0 }) as const),
  ];
  context.out(formatRows(VIEW, rows, flags.format, context));
}
