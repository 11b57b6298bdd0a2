import { CommanderError } from 'commander';
import picocolors from 'picocolors';
import { ClusterError, ExitStatus, reasonOf, UsageError } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import type { Io } from '../io.ts';
import { wantsColor } from './colors.ts';

/** The command that failed, and the detail to print. */
export interface ErrorSituation {
  readonly command?: string | undefined;
  /** The command whose --help to recommend, where it is a subcommand: `machine ls`. */
  readonly helpOf?: string | undefined;
  /** Print the stack too. */
  readonly isDebug: boolean;
}

/** Exit code of a failure. */
export const FAILURE = 1;
/** Exit code of a wrong command line. */
const USAGE = 2;

/** Prints one line about `error` on standard error, `enxame: COMMAND: WHY`, and gives the exit code. */
export function reportError(
  error: unknown,
  io: Pick<Io, 'err' | 'isErrTerminal' | 'env'>,
  situation: ErrorSituation,
): number {
  if (error instanceof ExitStatus) return error.exitCode;
  const { command, helpOf = command, isDebug } = situation;
  const colors = picocolors.createColors(io.isErrTerminal && wantsColor(io.env));
  const isUsage = error instanceof UsageError || error instanceof CommanderError;
  const where = command === undefined ? 'enxame' : `enxame: ${command}`;
  const line = `${colors.red(where)}: ${sentence(error)}`;
  io.err(`${line}${isUsage ? helpHint(error, helpOf) : ''}\n`);
  if (isDebug && error instanceof ClusterError) io.err(error.details.map((text) => `  | ${text}\n`).join(''));
  if (isDebug) io.err(`${stackOf(error)}\n`);
  const own = error instanceof ClusterError ? error.exitCode : undefined;
  return own ?? (isUsage ? USAGE : FAILURE);
}

// A message that ends with advice needs none.
function helpHint(error: Error, command: string | undefined): string {
  if (error instanceof UsageError && /\. [A-Z]/.test(error.message)) return '';
  return `${error.message.includes('(Did you mean') ? '' : '.'} Run 'enxame${command === undefined ? '' : ` ${command}`} --help'`;
}

function sentence(error: unknown): string {
  if (error instanceof ClusterError) return oneLine(error.message);
  if (error instanceof CommanderError)
    // Commander's error when a command that has commands is given none; its help was printed.
    return error.code === 'commander.help' ? 'no command given' : commanderSentence(error.message);
  return oneLine(reasonOf(error));
}

// Commander writes "error: unknown option '--x'\n(Did you mean --y?)".
function commanderSentence(message: string): string {
  const [what = '', ...hints] = message.replace(/^error: /, '').split('\n');
  const hint = hints.map((text) => text.replace(/^\((.*)\)$/, '$1')).join(' ');
  const bare = what.replace(/\.$/, '');
  return oneLine(hint === '' ? bare : `${bare}. ${hint}`);
}

function oneLine(text: string): string {
  return printable(text.replace(/\s*[\n\r]+\s*/g, ' ').trim());
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
