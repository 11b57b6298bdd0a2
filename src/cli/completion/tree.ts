import type { Command, Option } from 'commander';

/** Names that only a look at the store of machines or at a manager can tell. */
export type NameKind =
  | 'machines'
  | 'machine-paths'
  | 'nodes'
  | 'containers'
  | 'containers-and-nodes'
  | 'drivers'
  | 'container-filters'
  | 'machine-filters';

/** The values a flag or an argument may have. */
export type Values =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
  | { readonly kind: 'names'; readonly of: NameKind }
  | { readonly kind: 'files' }
  | { readonly kind: 'folders' }
  | { readonly kind: 'free' };

/** A flag of a command. */
export interface FlagNode {
  /** Every spelling: `-H`, `--host`. */
  readonly names: readonly string[];
  readonly summary: string;
  /** Absent: the flag takes no value. */
  readonly values?: Values;
}

/** A command as completion sees it. */
export interface CommandNode {
  /** Words from the program's name on, without it; empty for the program itself. */
  readonly path: readonly string[];
  readonly aliases: readonly string[];
  readonly summary: string;
  readonly flags: readonly FlagNode[];
  readonly commands: readonly CommandNode[];
  /** The values of its arguments, in order; the last counts for all further ones when {@link isVariadic}. */
  readonly arguments: readonly Values[];
  readonly isVariadic: boolean;
}

/** Reads commander's tree; global flags appear at every command, where they may be given too. */
export function commandTree(program: Command): CommandNode {
  return nodeOf(program, [], []);
}

function nodeOf(command: Command, path: readonly string[], inherited: readonly FlagNode[]): CommandNode {
  const help = command.createHelp();
  const own = help.visibleOptions(command).map((option) => flagOf(option, path));
  const names = new Set(own.flatMap((flag) => flag.names));
  const flags = [...own, ...inherited.filter((flag) => !flag.names.some((name) => names.has(name)))];
  const isGlobal = (flag: FlagNode): boolean => !flag.names.includes('--version') && !flag.names.includes('--help');
  const { registeredArguments } = command;
  return {
    path,
    aliases: command.aliases(),
    summary: command.summary() || command.description(),
    flags,
    commands: help
      .visibleCommands(command)
      .map((child) => nodeOf(child, [...path, child.name()], own.concat(inherited).filter(isGlobal))),
    arguments: registeredArguments.map((argument) => valuesOf(argument.argChoices, argument.name(), path)),
    isVariadic: registeredArguments.at(-1)?.variadic ?? false,
  };
}

function flagOf(option: Option, path: readonly string[]): FlagNode {
  const names = [option.short, option.long].filter((name): name is string => name !== undefined && name !== null);
  const summary = option.description;
  if (!option.required && !option.optional) return { names, summary };
  return { names, summary, values: valuesOf(option.argChoices, /<(.*)>|\[(.*)\]/.exec(option.flags)?.[1] ?? '', path) };
}

/** Placeholders in help, which say by their name what stands there. */
const PLACEHOLDERS: Readonly<Record<string, NameKind>> = {
  machine: 'machines',
  // Of `machine scp` and `machine mount`.
  from: 'machine-paths',
  to: 'machine-paths',
  node: 'nodes',
  container: 'containers',
  'container|node': 'containers-and-nodes',
  driver: 'drivers',
};

function valuesOf(choices: readonly string[] | undefined, placeholder: string, path: readonly string[]): Values {
  if (choices !== undefined) return { kind: 'choices', choices };
  if (placeholder === 'filter')
    return { kind: 'names', of: path[0] === 'machine' ? 'machine-filters' : 'container-filters' };
  const of = Object.hasOwn(PLACEHOLDERS, placeholder) ? PLACEHOLDERS[placeholder] : undefined;
  if (of !== undefined) return { kind: 'names', of };
  if (/file|path/.test(placeholder)) return { kind: 'files' };
  return /folder|directory/.test(placeholder) ? { kind: 'folders' } : { kind: 'free' };
}
