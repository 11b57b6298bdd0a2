import { childWords, pathText, quoted, steps, valueFlags } from './shell-words.ts';
import { type CommandNode, type FlagNode, flatten, type Values } from './tree.ts';

/** The completion script for fish. */
export function fishCompletion(name: string, root: CommandNode): string {
  const nodes = flatten(root);
  return `# fish completion for ${name}. Load it with: ${name} completion fish | source
function __${name}_at
  set -l words (commandline -opc)
  set -l at ''
  set -l i 2
  while test $i -le (count $words)
    switch "$at:$words[$i]"
${nodes.flatMap(skipLines).join('\n')}
${steps(root)
  .map(
    (step) =>
      `      case ${step.words.map((word) => quoted(`${step.from}:${word}`)).join(' ')}\n        set at ${quoted(step.to)}`,
  )
  .join('\n')}
    end
    set i (math $i + 1)
  end
  test "$at" = "$argv[1]"
end
complete -c ${name} -f
${nodes.flatMap((node) => nodeLines(name, node)).join('\n')}
`;
}

function skipLines(node: CommandNode): readonly string[] {
  const names = valueFlags(node).flatMap((flag) => flag.names);
  if (names.length === 0) return [];
  return [
    `      case ${names.map((flag) => quoted(`${pathText(node)}:${flag}`)).join(' ')}\n        set i (math $i + 1)`,
  ];
}

function nodeLines(name: string, node: CommandNode): readonly string[] {
  const at = `complete -c ${name} -n ${quoted(`__${name}_at ${quoted(pathText(node))}`)}`;
  const commands = node.commands.map(
    (child) => `${at} -a ${quoted(childWords(child)[0] ?? '')} -d ${quoted(child.summary)}`,
  );
  const argument = offer(node.argument);
  return [
    ...commands,
    ...(commands.length === 0 && argument !== '' ? [`${at}${argument}`] : []),
    ...node.flags.map((flag) => `${at}${flagText(flag)} -d ${quoted(flag.summary)}`),
  ];
}

function flagText(flag: FlagNode): string {
  const names = flag.names
    .map((each) => (each.startsWith('--') ? ` -l ${each.slice(2)}` : ` -s ${each.slice(1)}`))
    .join('');
  if (flag.values === undefined) return names;
  // -x is -r (takes a value) without files.
  return `${names} ${flag.values.kind === 'files' ? '-r' : '-x'}${offer(flag.values)}`;
}

function offer(values: Values): string {
  if (values.kind === 'choices') return ` -a ${quoted(values.choices.join(' '))}`;
  if (values.kind === 'files') return ' -F';
  return values.kind === 'folders' ? ` -a '(__fish_complete_directories)'` : '';
}
