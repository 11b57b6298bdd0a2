import { Command, CommanderError, Option } from 'commander';
import { systemClock } from '../common/clock.ts';
import type { LogFormat, LogLevel } from '../common/logger.ts';
import { VERSION } from '../common/version.ts';
import { asSentence, type CommandContext, type CommandModule } from './command.ts';
import type { Io } from './io.ts';
import { wantsColor } from './output/colors.ts';
import { FAILURE, reportError } from './output/errors.ts';
import { addJsonFlags, normalWords } from './words.ts';

interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly group: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

const CLUSTER = 'A cluster and its members:';
const MACHINES = 'Machines:';
const VIEW = 'A running cluster:';
const OTHER = 'Other:';

/** Every command; its code is loaded on use. A new command is one entry here and one file in commands/. */
const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'create',
    aliases: ['c'],
    group: CLUSTER,
    summary: 'create a cluster token',
    load: () => import('./commands/create.ts'),
  },
  {
    name: 'join',
    aliases: ['j'],
    group: CLUSTER,
    summary: 'register an engine with a cluster, and keep it registered',
    load: () => import('./commands/join.ts'),
  },
  {
    name: 'list',
    aliases: ['l'],
    group: CLUSTER,
    summary: 'list the engines of a cluster',
    load: () => import('./commands/list.ts'),
  },
  {
    name: 'manage',
    aliases: ['m'],
    group: CLUSTER,
    summary: 'serve many engines as one Docker endpoint',
    load: () => import('./commands/manage.ts'),
  },
  {
    name: 'discovery',
    group: CLUSTER,
    summary: 'run a token service',
    load: () => import('./commands/discovery.ts'),
  },
  {
    name: 'connect',
    group: CLUSTER,
    summary: 'give this host one socket that leads to the manager that is alive',
    load: () => import('./commands/connect.ts'),
  },
  {
    name: 'leave',
    group: CLUSTER,
    summary: 'undo the swarm mode that a manager set up on its engines',
    load: () => import('./commands/leave.ts'),
  },
  {
    name: 'state',
    group: CLUSTER,
    summary: 'back up the state of a manager, or bring it to another host',
    load: () => import('./commands/state.ts'),
  },
  {
    name: 'certs',
    group: CLUSTER,
    summary: 'create certificates for engines, managers and clients',
    load: () => import('./commands/certs.ts'),
  },
  {
    name: 'machine',
    group: MACHINES,
    summary: 'create and manage Docker hosts at any provider',
    load: () => import('./commands/machine.ts'),
  },
  {
    name: 'ps',
    group: VIEW,
    summary: 'list the containers of a cluster with their nodes',
    load: () => import('./commands/ps.ts'),
  },
  {
    name: 'logs',
    group: VIEW,
    summary: 'show the logs of a service or a project, merged',
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'top',
    group: VIEW,
    summary: 'show live what nodes and containers use',
    load: () => import('./commands/top.ts'),
  },
  {
    name: 'page',
    group: VIEW,
    summary: 'open the page of a manager in a browser, logged in',
    load: () => import('./commands/page.ts'),
  },
  {
    name: 'nodes',
    group: VIEW,
    summary: 'list the nodes of a cluster: state, load, errors',
    load: () => import('./commands/nodes.ts'),
  },
  {
    name: 'node',
    group: VIEW,
    summary: 'show nodes, pause or drain them, change their labels',
    load: () => import('./commands/node.ts'),
  },
  {
    name: 'failover',
    group: VIEW,
    summary: 'show what is brought back after the loss of nodes, or let go of the brake',
    load: () => import('./commands/failover.ts'),
  },
  {
    name: 'explain',
    group: VIEW,
    summary: 'say why a container is where it is, and what a loss would mean',
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'plan',
    group: VIEW,
    summary: 'plan where the cluster runs cheapest, and carry it out',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'drill',
    group: VIEW,
    summary: 'show what a loss of nodes would mean, or treat nodes as lost for practice',
    load: () => import('./commands/drill.ts'),
  },
  {
    name: 'move',
    group: VIEW,
    summary: 'move containers to other nodes, with their volumes',
    load: () => import('./commands/move.ts'),
  },
  {
    name: 'rebalance',
    group: VIEW,
    summary: 'spread containers over nodes and failure domains again',
    load: () => import('./commands/rebalance.ts'),
  },
  {
    name: 'forget',
    group: VIEW,
    summary: 'give up the containers and volumes of lost nodes',
    load: () => import('./commands/forget.ts'),
  },
  {
    name: 'info',
    group: VIEW,
    summary: 'print a summary of a cluster',
    load: () => import('./commands/info.ts'),
  },
  {
    name: 'bill',
    group: VIEW,
    summary: 'show what a cluster costs: by provider, region, node and project',
    load: () => import('./commands/bill.ts'),
  },
  {
    name: 'prices',
    group: VIEW,
    summary: 'show what is known of prices, or read the price lists of providers',
    load: () => import('./commands/prices.ts'),
  },
  {
    name: 'completion',
    group: OTHER,
    summary: 'print the completion script for a shell',
    load: () => import('./commands/completion.ts'),
  },
];

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
