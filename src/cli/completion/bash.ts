import { casePattern, childWords, pathText, quoted, skipLines, stepLines, valueFlags } from './shell-words.ts';
import { type CommandNode, flatten, type Values } from './tree.ts';

/** The completion script for bash; works without the bash-completion package. */
export function bashCompletion(name: string, root: CommandNode): string {
  const nodes = flatten(root);
  return `# bash completion for ${name}. Load it with: source <(${name} completion bash)
_${name}() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at:\${COMP_WORDS[i]}" in
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
complete -F _${name} ${name}
`;
}

function valueLines(node: CommandNode): readonly string[] {
  return valueFlags(node).map(
    (flag) => `    ${casePattern(pathText(node), flag.names)}) ${replyWith(flag.values)} return ;;`,
  );
}

function wordLines(node: CommandNode): string {
  const flags = node.flags.flatMap((flag) => flag.names).join(' ');
  const commands = node.commands.flatMap((child) => childWords(child).slice(0, 1)).join(' ');
  const words =
    node.commands.length > 0 ? replyWith({ kind: 'choices', choices: commands.split(' ') }) : replyWith(node.argument);
  return `    ${quoted(pathText(node))})
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W ${quoted(flags)} -- "$cur")); else ${words || ':;'} fi ;;`;
}

function replyWith(values: Values): string {
  if (values.kind === 'choices') return `COMPREPLY=($(compgen -W ${quoted(values.choices.join(' '))} -- "$cur"));`;
  if (values.kind === 'free') return '';
  const action = values.kind === 'files' ? '-f' : '-d';
  // A name may have spaces; and no mapfile, which the bash of macOS does not have.
  return `compopt -o filenames 2>/dev/null; local IFS=$'\\n'; COMPREPLY=($(compgen ${action} -- "$cur"));`;
}
