/** What `{name}` in a manager's command template stands for. */
export type Placeholders = Readonly<Record<string, string>>;

/**
 * Splits a command template into words (single and double quotes group, nothing else is special; no shell is involved) and
 * fills its placeholders. A word that is one placeholder may become several words, or none. Throws on an unknown one.
 */
export function commandOf(template: string, values: Placeholders): string[] {
  const words = template.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.flatMap((word) => {
    const filled = unquote(word).replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = values[name];
      if (value === undefined)
        throw new Error(`unknown placeholder {${name}}; known: ${Object.keys(values).join(', ')}`);
      return value;
    });
    return /^\{\w+\}$/.test(word) ? filled.split(' ').filter((piece) => piece !== '') : [filled];
  });
}

function unquote(word: string): string {
  return word.replace(/"([^"]*)"|'([^']*)'/g, (_, double?: string, single?: string) => double ?? single ?? '');
}
