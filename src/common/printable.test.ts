import { describe, expect, test } from 'vitest';
import { isPrintable, printable, printableJson, printableLines } from './printable.ts';

const UNSEEN: readonly [name: string, character: string][] = [
  ['escape', '\u001b'],
  ['delete', '\u007f'],
  ['a control sequence of eight bits', '\u009b'],
  ['right-to-left override', '\u202e'],
  ['right-to-left isolate', '\u2067'],
  ['Arabic letter mark', '\u061c'],
  ['zero-width space', '\u200b'],
  ['zero-width joiner', '\u200d'],
  ['byte order mark', '\ufeff'],
  ['soft hyphen', '\u00ad'],
  ['Hangul filler', '\u3164'],
  ['tag letter', '\u{e0041}'],
  ['variation selector', '\ufe0f'],
  ['lone surrogate', '\ud800'],
];

describe.each(UNSEEN)('%s', (_name, character) => {
  test('is shown as what it is', () => {
    expect(printable(`a${character}b`)).toBe('a\ufffdb');
    expect(printableLines(`a${character}b\n`)).toBe('a\ufffdb\n');
    expect(isPrintable(`a${character}b`)).toBe(false);
  });

  test('is escaped in JSON, which means the same', () => {
    const json = JSON.stringify({ [`k${character}`]: `a${character}b` }, undefined, 2);
    const shown = printableJson(json);
    expect(JSON.parse(shown)).toEqual(JSON.parse(json));
    expect(shown.split('\n').every(isPrintable)).toBe(true);
  });
});

test('people’s own letters stay', () => {
  for (const text of ['nó-1 ção', 'узел', 'ノード', 'عقدة', 'नोड', '🐳', 'e\u0301'])
    expect([printable(text), printableLines(text), isPrintable(text)]).toEqual([text, text, true]);
});

test('breaks become spaces in a line, and stay between lines', () => {
  expect(printable('a\r\nb\tc\u2028d')).toBe('a b c d');
  expect(printableLines('a\tb\n')).toBe('a\tb\n');
});

test('colours stay in lines, other sequences do not', () => {
  expect(printableLines('\u001b[31mred\u001b[39m')).toBe('\u001b[31mred\u001b[39m');
  expect(printableLines('\u001b[8mhidden \u001b[2J\u001b]0;title\u0007')).toBe(
    '\ufffd[8mhidden \ufffd[2J\ufffd]0;title\ufffd',
  );
});
