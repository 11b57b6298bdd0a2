import type { Command } from 'commander';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { Io } from './io.ts';

/** The surroundings of a command, besides its arguments. */
export interface CommandContext extends Io {
  readonly clock: Clock;
  /** The whole command line, without the program's name. */
  readonly argv: readonly string[];
  /** A logger at the level of the command line. Loaded on first use. */
  logger(): Promise<Logger>;
}

/** The exports of a file in `commands/`. `configure` adds arguments, flags and action to the command, which has its name. */
export interface CommandModule {
  configure(command: Command, context: CommandContext): void;
}

/** A command's line in its parent's list as the first sentence of its own help. */
export function asSentence(summary: string): string {
  return `${summary[0]?.toUpperCase() ?? ''}${summary.slice(1)}.`;
}
