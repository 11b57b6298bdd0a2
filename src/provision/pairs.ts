/** Shell functions that print `key=value` lines which {@link readPairs} reads: `pair KEY VALUE`, and `file KEY PATH` for contents. */
export const PAIRS = `pair() { printf '%s=%s\\n' "$1" "$2"; }
file() { if [ -f "$2" ]; then pair "$1" "$(base64 <"$2" | tr -d '\\n')"; fi; }
`;

/** Reads `key=value` lines; other lines are passed over. */
export function readPairs(output: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const line of output.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) pairs.set(line.slice(0, at), line.slice(at + 1));
  }
  return pairs;
}

/** Content printed by `file`; undefined when there was no such file. */
export function contentOf(pairs: ReadonlyMap<string, string>, key: string): string | undefined {
  const text = pairs.get(key);
  return text === undefined ? undefined : Buffer.from(text, 'base64').toString('utf8');
}
