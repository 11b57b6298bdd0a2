export const FONT = '"Figtree Variable", system-ui, sans-serif';

/** The start of a text that has room. */
export function shortened(context: CanvasRenderingContext2D, text: string, room: number): string {
  if (context.measureText(text).width <= room) return text;
  let length = text.length;
  while (length > 1 && context.measureText(`${text.slice(0, length)}…`).width > room) length -= 1;
  return `${text.slice(0, length)}…`;
}

/** Breaks a name at its hyphens, into three lines at most. */
export function linesOf(context: CanvasRenderingContext2D, name: string, room: number): readonly string[] {
  const lines: string[] = [];
  for (const part of name.split(/(?<=[-_.])/)) {
    const joined = `${lines.at(-1) ?? ''}${part}`;
    if (lines.length > 0 && context.measureText(joined).width <= room) lines[lines.length - 1] = joined;
    else lines.push(part);
  }
  return lines.slice(0, 3).map((line) => shortened(context, line, room));
}
