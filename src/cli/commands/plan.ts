import type { Command } from 'commander';
import { asSentence, type CommandContext } from '../command.ts';
import { configure as configureCheapest } from './plan/cheapest.ts';

/** `enxame plan`: what could be done, and is done when it is confirmed. */
export function configure(command: Command, context: CommandContext): void {
  configureCheapest(command.command('cheapest').summary('run the cluster where it costs least'), context);
  for (const each of command.commands) each.description(asSentence(each.summary()));
}
