/** A text as the name of one node: no slash, and no name that stands for another node. */
export function nodeName(text: string): string {
  return encodeURIComponent(text).replace(/^\.{1,2}$/, (dots) => dots.replaceAll('.', '%2E'));
}

/** The text of which this is the name; undefined for a name that others gave. */
export function textOf(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
