import type { CommandNode, FlagNode, Values } from './tree.ts';

/** An unfinished command line, read as far as it goes. */
export interface TypedLine {
  /** The command it has reached. */
  readonly node: CommandNode;
  /** The flags before the unfinished word by each of their names, with the last value of each. */
  readonly flags: ReadonlyMap<string, string>;
  /** The unfinished word, without {@link lead}. */
  readonly word: string;
  /** `--flag=` before a value written in one word with its flag; otherwise empty. */
  readonly lead: string;
  /** What the word is: a flag, a command, or a value. */
  readonly expects: 'flag' | 'command' | Values;
}

/** Reads the words after the program's name; the last one is unfinished and may be empty. */
export function readTypedLine(root: CommandNode, words: readonly string[]): TypedLine {
  const flags = new Map<string, string>();
  let node = root;
  let position = 0;
  let isOnlyArguments = false;
  let waiting: FlagNode | undefined;
  for (const word of words.slice(0, -1)) {
    const flag = isOnlyArguments ? undefined : flagIn(node, word);
    if (waiting !== undefined) {
      keep(flags, waiting, word);
      waiting = undefined;
    } else if (word === '--') isOnlyArguments = true;
    else if (flag !== undefined) {
      if (flag.value === undefined && flag.flag.values !== undefined) waiting = flag.flag;
      else keep(flags, flag.flag, flag.value ?? '');
    } else if (isOnlyArguments || !word.startsWith('-')) {
      const child = position === 0 ? childOf(node, word) : undefined;
      if (child === undefined) position += 1;
      else node = child;
    }
  }
  const word = words.at(-1) ?? '';
  if (waiting?.values !== undefined) return { node, flags, word, lead: '', expects: waiting.values };
  if (!isOnlyArguments && word.startsWith('-')) {
    const flag = flagIn(node, word);
    if (flag?.value === undefined || flag.flag.values === undefined)
      return { node, flags, word, lead: '', expects: 'flag' };
    const lead = word.slice(0, word.length - flag.value.length);
    return { node, flags, word: flag.value, lead, expects: flag.flag.values };
  }
  return { node, flags, word, lead: '', expects: argumentAt(node, position) };
}

function argumentAt(node: CommandNode, position: number): TypedLine['expects'] {
  if (node.commands.length > 0 && position === 0) return 'command';
  const last = node.isVariadic ? node.arguments.at(-1) : undefined;
  return node.arguments[position] ?? last ?? { kind: 'free' };
}

function keep(flags: Map<string, string>, flag: FlagNode, value: string): void {
  for (const name of flag.names) flags.set(name, value);
}

/** `--flag` or `--flag=value` of a command, also with the one dash of classic swarm and docker-machine. */
function flagIn(
  node: CommandNode,
  word: string,
): { readonly flag: FlagNode; readonly value: string | undefined } | undefined {
  if (!word.startsWith('-')) return undefined;
  const equals = word.indexOf('=');
  const name = equals === -1 ? word : word.slice(0, equals);
  const flag = node.flags.find(({ names }) => names.includes(name) || names.includes(`-${name}`));
  return flag && { flag, value: equals === -1 ? undefined : word.slice(equals + 1) };
}

function childOf(node: CommandNode, word: string): CommandNode | undefined {
  return node.commands.find((child) => child.path.at(-1) === word || child.aliases.includes(word));
}
