/**
 * What must not reach a terminal from the text of others: control characters, which move the cursor and more, and characters that
 * are not seen or turn the direction of writing (format and default-ignorable characters, lone surrogates, line separators),
 * with which one text looks like another.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/gu;
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/g;

/** A text of others as one line for a terminal: breaks become spaces, what is not to be seen U+FFFD. */
export function printable(text: string): string {
  return text.replace(BREAKS, ' ').replace(UNSEEN, '\ufffd');
}

/** Whether a text has something that {@link printable} would replace. */
export function isPrintable(text: string): boolean {
  return printable(text) === text;
}

/** JSON text that means the same and has nothing of the kind: such characters are escaped. Line breaks between members stay. */
export function printableJson(json: string): string {
  return json.replace(UNSEEN, (character) =>
    character === '\n'
      ? character
      : [...Array(character.length).keys()]
          .map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`)
          .join(''),
  );
}

/** Colours as we write them. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the control characters of colours.
const COLOUR = /\u001b\[(?:[01249]|2[2-9]|3[0-9]|9[0-7])m/y;

/** A text on its way to a terminal, ours and others' mixed: lines and colours stay, the rest is replaced as in {@link printable}. */
export function printableLines(text: string): string {
  return text.replace(UNSEEN, (character, at: number) => {
    if (character === '\n' || character === '\t') return character;
    COLOUR.lastIndex = at;
    return character === '\u001b' && COLOUR.test(text) ? character : '\ufffd';
  });
}
