/**
 * The command of a service, as words, from what `systemctl cat` prints: the last ExecStart that was not reset, files in `ignored`
 * left out. Undefined when there is none.
 */
export function baseCommand(text: string, ignored: readonly string[]): readonly string[] | undefined {
  let command: string | undefined;
  let isIgnored = false;
  for (const line of text.replace(/\\\n/g, ' ').split('\n')) {
    const file = /^# (\/\S+)$/.exec(line)?.[1];
    if (file !== undefined) isIgnored = ignored.includes(file);
    const value = /^ExecStart=\s*(.*?)\s*$/.exec(line)?.[1];
    if (value !== undefined && !isIgnored) command = value === '' ? undefined : value;
  }
  return command === undefined ? undefined : wordsOf(command);
}

/** Leaves out long flags by name, with their values: `--tlscert=x` and `--tlscert x`; `-H tcp://…` becomes `-H=tcp://…`. */
export function withoutFlags(words: readonly string[], names: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    const next = words[at + 1];
    const hasValue = next !== undefined && !next.startsWith('-') && !next.startsWith('$');
    const name = /^--([\w-]+)(=.*)?$/.exec(word);
    if (name !== null && names.includes(name[1] ?? '')) {
      if (name[2] === undefined && hasValue && !SWITCHES.includes(name[1] ?? '')) at += 1;
    } else if (/^(-H|--host)$/.test(word) && hasValue) {
      kept.push(`${word}=${next}`);
      at += 1;
    } else kept.push(word);
  }
  return kept;
}

/** Flags that take no word after them. */
const SWITCHES: readonly string[] = ['tls', 'tlsverify'];

/** Words as systemd splits them, quotes kept. */
function wordsOf(command: string): readonly string[] {
  return command.match(/(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s"'])+/g) ?? [];
}
