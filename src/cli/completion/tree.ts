import type { Command, Option } from 'commander';

/** What the value of a flag or an argument is completed with. */
export type Values =
  | { readonly kind: 'choices'; readonly choices: readonly string[] }
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
  /** What its first argument is completed with. */
  readonly argument: Values;
}

/** Reads commander's tree; global flags appear at every command, where they may be given too. */
export function commandTree(program: Command): CommandNode {
  return nodeOf(program, [], []);
}

/** The node and all below it, the node first. */
export function flatten(node: CommandNode): readonly CommandNode[] {
  return [node, ...node.commands.flatMap(flatten)];
}

function nodeOf(command: Command, path: readonly string[], inherited: readonly FlagNode[]): CommandNode {
  const help = command.createHelp();
  const own = help.visibleOptions(command).map(flagOf);
  const names = new Set(own.flatMap((flag) => flag.names));
  const flags = [...own, ...inherited.filter((flag) => !flag.names.some((name) => names.has(name)))];
  const isGlobal = (flag: FlagNode): boolean => !flag.names.includes('--version') && !flag.names.includes('--help');
  return {
    path,
    aliases: command.aliases(),
    summary: command.summary() || command.description(),
    flags,
    commands: help
      .visibleCommands(command)
      .map((child) => nodeOf(child, [...path, child.name()], own.concat(inherited).filter(isGlobal))),
    argument: argumentOf(command),
  };
}

function flagOf(option: Option): FlagNode {
  const names = [option.short, option.long].filter((name): name is string => name !== undefined && name !== null);
  const summary = option.description;
  if (!option.required && !option.optional) return { names, summary };
  return { names, summary, values: valuesOf(option.argChoices, /<(.*)>|\[(.*)\]/.exec(option.flags)?.[1] ?? '') };
}

function argumentOf(command: Command): Values {
  const argument = command.registeredArguments[0];
  return argument === undefined ? { kind: 'free' } : valuesOf(argument.argChoices, argument.name());
}

function valuesOf(choices: readonly string[] | undefined, placeholder: string): Values {
  if (choices !== undefined) return { kind: 'choices', choices };
  if (/file|path/.test(placeholder)) return { kind: 'files' };
  return /folder|directory/.test(placeholder) ? { kind: 'folders' } : { kind: 'free' };
}
