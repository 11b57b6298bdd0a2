import type { Command } from 'commander';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { Io } from './io.ts';

/** What a command is given besides its arguments. */
export interface CommandContext extends Io {
  readonly clock: Clock;
  /** The whole command line, without the program's name. */
  readonly argv: readonly string[];
  /** A logger at the level the person asked for. Loaded on first use. */
  logger(): Promise<Logger>;
}

/** What a file in `commands/` exports: it gives the command, which already has its name, its arguments, flags and action. */
export interface CommandModule {
  configure(command: Command, context: CommandContext): void;
}

/** A command's line in its parent's list as the first sentence of its own help. */
export function asSentence(summary: string): string {
  return `${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`;
}
