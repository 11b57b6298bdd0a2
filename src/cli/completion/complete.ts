import { printable } from '../../common/printable.ts';
import type { CommandNode, NameKind, Values } from './tree.ts';
import { readTypedLine, type TypedLine } from './typed-line.ts';

/** A word that may stand at the end of the line. */
interface Candidate {
  readonly word: string;
  readonly summary: string;
}

/** Looks names up for an unfinished line. A source that does not answer has no names: it never rejects. */
export type NameSource = (of: NameKind, line: TypedLine) => Promise<readonly string[]>;

/**
 * The answer to `enxame __complete WORD…`, which the scripts of all shells ask: a line for each word that may stand at the end, with a
 * tab and its summary; then `:files` or `:folders` where the shell is to add those.
 */
export async function completeLine(root: CommandNode, words: readonly string[], names: NameSource): Promise<string> {
  const line = readTypedLine(root, words);
  const { node, word, lead, expects } = line;
  if (expects === 'flag') return render(flagsOf(node), word, '');
  if (expects === 'command') {
    const [first] = node.arguments;
    const values = first ? await valuesOf(first, line, names) : [];
    return render([...commandsOf(node), ...values], word, '');
  }
  const candidates = await valuesOf(expects, line, names);
  return `${render(candidates, word, lead)}${shellPart(expects)}`;
}

function flagsOf(node: CommandNode): readonly Candidate[] {
  return node.flags.flatMap(({ names, summary }) => names.map((word) => ({ word, summary })));
}

function commandsOf(node: CommandNode): readonly Candidate[] {
  return node.commands.map(({ path, summary }) => ({ word: path.at(-1) ?? '', summary }));
}

async function valuesOf(values: Values, line: TypedLine, names: NameSource): Promise<readonly Candidate[]> {
  if (values.kind === 'choices') return values.choices.map((word) => ({ word, summary: '' }));
  if (values.kind !== 'names') return [];
  return (await names(values.of, line)).map((word) => ({ word, summary: '' }));
}

function shellPart(values: Values): string {
  if (values.kind === 'files' || (values.kind === 'names' && values.of === 'machine-paths')) return ':files\n';
  return values.kind === 'folders' ? ':folders\n' : '';
}

// Names come from elsewhere: one with a line end would be two, and an escape sequence would reach the terminal.
function render(candidates: readonly Candidate[], word: string, lead: string): string {
  return candidates
    .filter((each) => each.word.startsWith(word) && printable(each.word) === each.word && !/\s/.test(each.word))
    .map((each) => `${lead}${each.word}\t${printable(each.summary)}\n`)
    .join('');
}
