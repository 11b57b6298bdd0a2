import { type CommandNode, type FlagNode, flatten } from './tree.ts';

/** A command's path as one word of a shell's `case`: empty for the program, `machine create` for a command of a command. */
export function pathText(node: CommandNode): string {
  return node.path.join(' ');
}

/** Every step from a command to one of its commands: what stands before, the word typed, what stands after. */
export function steps(
  root: CommandNode,
): readonly { readonly from: string; readonly words: readonly string[]; readonly to: string }[] {
  return flatten(root).flatMap((node) =>
    node.commands.map((child) => ({ from: pathText(node), words: childWords(child), to: pathText(child) })),
  );
}

/** The words a command answers to. */
export function childWords(node: CommandNode): readonly string[] {
  return [...node.path.slice(-1), ...node.aliases];
}

/** The flags of a node that take a value. */
export function valueFlags(
  node: CommandNode,
): readonly (FlagNode & { readonly values: NonNullable<FlagNode['values']> })[] {
  return node.flags.flatMap((flag) => (flag.values === undefined ? [] : [{ ...flag, values: flag.values }]));
}

/** Text in single quotes, as bash, zsh and fish read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A pattern of bash's and zsh's `case` for one of `words` after the command `at`. */
export function casePattern(at: string, words: readonly string[]): string {
  return words.map((word) => quoted(`${at}:${word}`)).join('|');
}

/** `case` lines that pass over the values of flags: such a value is no command, even when spelled like one. */
export function skipLines(node: CommandNode): readonly string[] {
  const names = valueFlags(node).flatMap((flag) => flag.names);
  return names.length === 0 ? [] : [`      ${casePattern(pathText(node), names)}) ((i++)) ;;`];
}

/** `case` lines that go from a command to one of its commands. */
export function stepLines(root: CommandNode): readonly string[] {
  return steps(root).map((step) => `      ${casePattern(step.from, step.words)}) at=${quoted(step.to)} ;;`);
}
