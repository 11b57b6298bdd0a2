import { Command, CommanderError, Option } from 'commander';
import { systemClock } from '../common/clock.ts';
import type { LogFormat, LogLevel } from '../common/logger.ts';
import { VERSION } from '../common/version.ts';
import { asSentence, type CommandContext } from './command.ts';
import { COMMANDS, type CommandSpec } from './command-table.ts';
import type { Io } from './io.ts';
import { wantsColor } from './output/colors.ts';
import { FAILURE, reportError } from './output/errors.ts';
import { addJsonFlags, normalWords } from './words.ts';

// The list of common/logger.ts, which would load the logging library with it.
const LOG_LEVELS = [
  'silent',
  'fatal',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
] as const satisfies readonly LogLevel[];

/** Classic swarm's names of levels. */
const CLASSIC_LEVELS: Readonly<Record<string, LogLevel>> = { panic: 'fatal', warning: 'warn' };

// As above.
const LOG_FORMATS = ['auto', 'text', 'json'] as const satisfies readonly LogFormat[];

interface LogFlags {
  readonly debug?: boolean;
  readonly logLevel: string;
  readonly logFormat: LogFormat;
}

const EXAMPLES = `
Examples:
  A cluster of three engines, from scratch:
    $ enxame discovery -H tcp://10.0.0.9:2374 --insecure &   # the token service; use TLS on untrusted networks
    $ export ENXAME_DISCOVERY_URL=http://10.0.0.9:2374       # on every host
    $ token=$(enxame create)
    $ enxame join --advertise 10.0.0.1:2375 token://$token   # on each engine, with its own address
    $ enxame manage token://$token                           # now use docker -H tcp://127.0.0.1:2375

  Without a token, for engines that are running:
    $ enxame manage 10.0.0.[1:3]:2376

Run 'enxame COMMAND --help' for the flags and examples of a command.`;

/** Runs one command line and resolves to its exit code: 0, 1 for a failure, 2 for a wrong command line. Never rejects. */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const wanted = wantedCommand(argv);
  const spec = COMMANDS.find(({ name, aliases }) => name === wanted || aliases?.includes(wanted ?? ''));
  const program = bareProgram(io);
  const context = contextOf(program, io, argv);
  if (argv[0] === COMPLETE) return await complete(argv.slice(1), context);
  try {
    for (const each of COMMANDS) await addCommand(program, each, context, each === spec);
    addJsonFlags(program);
    // Help of a command that is not there would be the program's own, as if the command were.
    const words = spec || wanted === undefined ? argv : argv.filter((word) => word !== '--help' && word !== '-h');
    await program.parseAsync(argv.length === 0 ? ['--help'] : normalWords(guarded(words), program), { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const isDebug = argv.includes('--debug') || isTrue(io.env.DEBUG) || isTrue(io.env.ENXAME_DEBUG);
    const isAsked = isDebug || (spec?.name === 'machine' && asksLikeDockerMachine(argv, io.env));
    return reportError(error, io, { command: spec?.name, helpOf: helpOf(program, spec?.name, argv), isDebug: isAsked });
  }
}

/** The command whose help covers the line: its subcommand where it has one. */
function helpOf(program: Command, name: string | undefined, argv: readonly string[]): string | undefined {
  const command = program.commands.find((each) => each.name() === name);
  const word = argv.slice(argv.indexOf(name ?? '') + 1).find((each) => !each.startsWith('-'));
  const isSubcommand = command?.commands.some((each) => each.name() === word || each.aliases().includes(word ?? ''));
  return isSubcommand ? `${name} ${word}` : name;
}

/** docker-machine's `-D`, before the command, and its variable. */
function asksLikeDockerMachine(argv: readonly string[], env: Io['env']): boolean {
  const [, ...rest] = argv.slice(argv.indexOf('machine'));
  const until = rest.findIndex((word) => !word.startsWith('-'));
  return rest.slice(0, until === -1 ? rest.length : until).includes('-D') || isTrue(env.MACHINE_DEBUG);
}

/** The word with which the scripts of `enxame completion` ask for the words that may come next. */
const COMPLETE = '__complete';

/** Errors in the middle of a line are not printed: there is nothing to complete. */
async function complete(words: readonly string[], context: CommandContext): Promise<number> {
  try {
    const program = bareProgram(context);
    const wanted = wantedCommand(words.slice(0, -1));
    for (const spec of COMMANDS) {
      const isWanted = spec.name === wanted || (spec.aliases?.includes(wanted ?? '') ?? false);
      await addCommand(program, spec, context, isWanted);
    }
    addJsonFlags(program);
    const { completeWords } = await import('./completion/command.ts');
    context.out(await completeWords(words, program, context));
    return 0;
  } catch {
    return FAILURE;
  }
}

function bareProgram(io: Io): Command {
  const program = new Command('enxame');
  program
    .description('One Docker endpoint for many Docker hosts.')
    .usage('[flags] COMMAND')
    .version(VERSION, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show the help of a command')
    .addOption(new Option('--debug', 'verbose logging, and stack traces of errors ($ENXAME_DEBUG)'))
    .addOption(
      new Option('-l, --log-level <level>', 'lowest level to log')
        .choices([...LOG_LEVELS, ...Object.keys(CLASSIC_LEVELS)])
        .default('info'),
    )
    .addOption(
      new Option('--log-format <format>', 'text lines or JSON; auto: text on a terminal')
        .choices(LOG_FORMATS)
        .env('ENXAME_LOG_FORMAT')
        .default('auto'),
    )
    // Classic swarm's; nothing here is experimental.
    .addOption(new Option('--experimental').hideHelp())
    .addHelpText('after', EXAMPLES)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      // Errors are thrown and printed in one place.
      outputError: () => undefined,
      ...(io.columns === undefined ? {} : { getOutHelpWidth: () => io.columns ?? 80 }),
    });
  return program;
}

async function addCommand(
  program: Command,
  spec: CommandSpec,
  context: CommandContext,
  isWanted: boolean,
): Promise<void> {
  const command = program.command(spec.name).summary(spec.summary).helpGroup(spec.group);
  for (const alias of spec.aliases ?? []) command.alias(alias);
  if (!isWanted) {
    command.description(spec.summary);
    return;
  }
  command.description(asSentence(spec.summary));
  (await spec.load()).configure(command, context);
}

function contextOf(program: Command, io: Io, argv: readonly string[]): CommandContext {
  return {
    ...io,
    clock: systemClock,
    argv,
    logger: async () => {
      const { createLogger } = await import('../common/logger.ts');
      const { debug, logLevel, logFormat } = program.opts<LogFlags>();
      const isDebug = debug === true || isTrue(io.env.DEBUG) || isTrue(io.env.ENXAME_DEBUG);
      const isText = logFormat === 'text' || (logFormat === 'auto' && io.isErrTerminal);
      return createLogger({
        level: isDebug ? 'debug' : (CLASSIC_LEVELS[logLevel] ?? (logLevel as LogLevel)),
        text: isText ? { color: io.isErrTerminal && wantsColor(io.env) } : undefined,
      });
    },
  };
}

// The command a line asks for: its first word that is neither a global flag nor the value of one.
function wantedCommand(argv: readonly string[]): string | undefined {
  for (let i = 0; i < argv.length; i += 1) {
    const word = argv[i] ?? '';
    if (/^(-l|--?log-level|--?log-format)$/.test(word)) i += 1;
    else if (!word.startsWith('-') && word !== 'help') return word;
  }
  return undefined;
}

// What follows the name in `machine ssh NAME` is the other side's, also `-l` and `--debug`, which are ours elsewhere.
function guarded(argv: readonly string[]): string[] {
  const at = argv.findIndex((word, index) => word === 'ssh' && argv.slice(0, index).includes('machine'));
  const name = argv[at + 1];
  if (at === -1 || name === undefined || name.startsWith('-') || argv.includes('--')) return [...argv];
  return [...argv.slice(0, at + 2), '--', ...argv.slice(at + 2)];
}

function isTrue(text: string | undefined): boolean {
  return text === '1' || text?.toLowerCase() === 'true';
}
