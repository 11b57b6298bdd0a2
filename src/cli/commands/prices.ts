import type { Command } from 'commander';
import { printable } from '../../common/printable.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { configure as list } from './prices/list.ts';
import { configure as show } from './prices/show.ts';
import { configure as update } from './prices/update.ts';

const EXAMPLES = `
Examples:
  $ enxame prices                                         # which price lists the manager has, and how old they are
  $ enxame prices update                                  # those of the providers and regions of the cluster's nodes
  $ enxame prices update azure --region westeurope
  $ enxame prices show hetzner --region nbg1              # what machines cost there, the cheapest first

Lists are read here, with the credentials of this computer, and kept by the manager with their date. One that cannot be read leaves the one
of before as it is.
${MANAGER_HELP}`;

/** `enxame prices`: providers' price lists. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  for (const part of [list, update, show]) part(command, context);
  addManagerFlags(command.command('rm').summary('forget the price lists of providers'))
    .argument('<provider...>', 'as the label "provider" of nodes says')
    .action((providers: readonly string[], flags: ManagerFlags) =>
      context.interruptible((signal) => remove(providers, flags, context, signal)),
    );
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

async function remove(
  providers: readonly string[],
  flags: ManagerFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  for (const provider of providers) {
    await client.delete(`/enxame/v1/prices/${encodeURIComponent(provider)}`, signal);
    context.out(`${printable(provider)}: forgotten\n`);
  }
}
