import { casePattern, childWords, pathText, quoted, skipLines, stepLines, valueFlags } from './shell-words.ts';
import { type CommandNode, type FlagNode, flatten, type Values } from './tree.ts';

/** The completion script for zsh: a file `_NAME` in a folder of `$fpath`, or sourced after `compinit`. */
export function zshCompletion(name: string, root: CommandNode): string {
  const nodes = flatten(root);
  return `#compdef ${name}
# zsh completion for ${name}. Load it with: source <(${name} completion zsh)
_${name}() {
  local cur=\${words[CURRENT]} prev=\${words[CURRENT-1]} at='' i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at:\${words[i]}" in
${nodes.flatMap(skipLines).join('\n')}
${stepLines(root).join('\n')}
    esac
  done
  case "$at:$prev" in
${nodes.flatMap(valueLines).join('\n')}
  esac
  case "$at" in
${nodes.map(wordLines).join('\n')}
  esac
}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function valueLines(node: CommandNode): readonly string[] {
  return valueFlags(node).map(
    (flag) => `    ${casePattern(pathText(node), flag.names)}) ${offer(flag.values)} return ;;`,
  );
}

function wordLines(node: CommandNode): string {
  const commands = node.commands.map((child) => described(childWords(child)[0] ?? '', child.summary));
  const rest = commands.length > 0 ? `found=(${commands.join(' ')}); _describe command found;` : offer(node.argument);
  return `    ${quoted(pathText(node))})
      if [[ $cur == -* ]]; then found=(${node.flags.flatMap(flagWords).join(' ')}); _describe flag found; else ${rest || ':;'} fi ;;`;
}

function flagWords(flag: FlagNode): readonly string[] {
  return flag.names.map((name) => described(name, flag.summary));
}

// _describe takes word:description, so a colon in the word is escaped.
function described(word: string, summary: string): string {
  return quoted(`${word.replaceAll(':', '\\:')}:${summary}`);
}

function offer(values: Values): string {
  if (values.kind === 'choices') return `compadd -- ${values.choices.map(quoted).join(' ')};`;
  if (values.kind === 'files') return '_files;';
  return values.kind === 'folders' ? '_files -/;' : '';
}
