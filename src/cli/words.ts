import { type Command, Option } from 'commander';

/** A command line as commander takes it: `help a b`, and long flags with one dash as classic swarm and docker-machine had them. */
export function normalWords(argv: readonly string[], program: Command): string[] {
  return withTwoDashes(helpOf(argv, program), program);
}

/** `enxame help machine create` is `enxame machine create --help`; commander's own `help` goes one step only. */
function helpOf(argv: readonly string[], program: Command): readonly string[] {
  const at = argv.indexOf('help');
  const isFirst = at !== -1 && argv.slice(0, at).every((word) => word.startsWith('-'));
  const words = argv.slice(at + 1).filter((word) => !word.startsWith('-'));
  if (!isFirst || childOf(program, words[0]) === undefined) return argv;
  return [...argv.slice(0, at), ...words, '--help'];
}

/** `-strategy binpack` is `--strategy binpack` where that is a flag of the command. What follows `--` is not ours. */
function withTwoDashes(argv: readonly string[], program: Command): string[] {
  const end = argv.indexOf('--');
  const ours = end === -1 ? argv : argv.slice(0, end);
  const names = longFlags(ours, program);
  const words = ours.map((word) => {
    const name = /^-([a-z][a-z0-9-]+)(?:=.*)?$/is.exec(word)?.[1];
    return name !== undefined && names.has(`--${name}`) ? `-${word}` : word;
  });
  return [...words, ...(end === -1 ? [] : argv.slice(end))];
}

function longFlags(argv: readonly string[], program: Command): ReadonlySet<string> {
  const names = new Set<string>(['--help', '--version']);
  let command: Command | undefined = program;
  const words = argv.filter((word) => !word.startsWith('-'));
  while (command !== undefined) {
    // Commander keeps `--addr, --advertise` as a short and a long one.
    for (const { long, short } of command.options)
      for (const name of [long, short]) if (name?.startsWith('--')) names.add(name);
    const at: number = words.findIndex((word) => childOf(command, word) !== undefined);
    command = at === -1 ? undefined : childOf(command, words[at]);
    words.splice(0, at + 1);
  }
  return names;
}

function childOf(command: Command | undefined, word: string | undefined): Command | undefined {
  return command?.commands.find((child) => child.name() === word || child.aliases().includes(word ?? ''));
}

/** Gives every command that has `--format` the flag `--json` too. */
export function addJsonFlags(command: Command): void {
  const has = (long: string): boolean => command.options.some((option) => option.long === long);
  if (has('--format') && !has('--json'))
    command.addOption(new Option('--json', 'the same as --format json').implies({ format: 'json' }));
  for (const child of command.commands) addJsonFlags(child);
}
