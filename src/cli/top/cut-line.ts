import { displayWidth } from '../output/fit.ts';

/** Colours, bold, dim and inverse, as we write them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters of colours.
const STYLE = /(\u001b\[[\d;]*m)/;

/** A line with at most so many places on a terminal; its colours end with it. */
export function cutLine(line: string, columns: number): string {
  let left = columns;
  let cut = '';
  let isStyled = false;
  for (const part of line.split(STYLE)) {
    if (STYLE.test(part)) {
      cut += part;
      isStyled = true;
      continue;
    }
    for (const character of part) {
      const width = displayWidth(character);
      if (width > left) {
        left = 0;
        break;
      }
      cut += character;
      left -= width;
    }
  }
  return isStyled ? `${cut}\u001b[0m` : cut;
}
