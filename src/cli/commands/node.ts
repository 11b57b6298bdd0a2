import type { Command } from 'commander';
import { asSentence, type CommandContext } from '../command.ts';
import { MANAGER_HELP } from '../manager-client.ts';
import { configure as remove } from './node/rm.ts';
import { configure as show } from './node/show.ts';
import { configure as update } from './node/update.ts';

const EXAMPLES = `
Examples:
  $ enxame node ls --where rack=r7
  $ enxame node update --availability pause --where rack=r7 --dry-run
  $ enxame node update --availability drain bee-1         # and says what moves and what stays
  $ enxame node update --label-add rack=r7 bee-1 bee-2
  $ enxame node rm bee-3                                  # it has left discovery
${MANAGER_HELP}`;

/** `enxame node`: what `docker node` does, for many nodes at a time. */
export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', EXAMPLES);
  for (const part of [show, update, remove]) part(command, context);
  for (const each of command.commands) each.description(asSentence(each.summary()));
}
