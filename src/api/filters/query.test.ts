import { describe, expect, test } from 'vitest';
import { matchesLabels, nameMatcher, parseFilters } from './query.ts';

describe('parseFilters', () => {
  test.each([
    ['{"label":["a=1","b"]}', [['label', ['a=1', 'b']]]],
    ['{"label":{"a=1":true,"b":false}}', [['label', ['a=1']]]],
    ['', []],
    [null, []],
  ])('%s', (text, expected) => {
    expect([...parseFilters(text)]).toEqual(expected);
  });

  test.each(['[]', 'nope', '1', 'null', '{"a":1}', '{"a":[1]}'])('refuses %s', (text) => {
    expect(() => parseFilters(text)).toThrow(/invalid filter/);
  });

  test.each([
    ['values', { id: Array.from({ length: 1001 }, (_, i) => String(i)) }, '1001 values are too many, at most 1000'],
    ['patterns', { name: Array.from({ length: 9 }, (_, i) => `^a${i}$`) }, '9 values are too many'],
  ])('refuses many %s', (_what, filters, message) => {
    expect(() => parseFilters(JSON.stringify(filters))).toThrow(message);
  });

  test('takes a value that comes again and again once', () => {
    const label = Array.from({ length: 5000 }, () => 'a=1');
    expect([...parseFilters(JSON.stringify({ label }))]).toEqual([['label', ['a=1']]]);
  });

  test('names the filters there are', () => {
    expect(() => parseFilters('{"nope":["1"]}', new Set(['name', 'id']))).toThrow(
      /invalid filter 'nope': use one of id, name/,
    );
  });
});

test.each([
  ['a', true],
  ['a=1', true],
  ['a=2', false],
  ['a=', false],
  ['c', false],
  ['toString', false],
])('matchesLabels %s', (wish, expected) => {
  expect(matchesLabels({ a: '1', b: '' }, [wish])).toBe(expected);
});

test.each([
  ['web', 'my_web_1', true],
  ['^web', 'my_web_1', false],
  ['web_[0-9]+$', 'my_web_1', true],
  ['(a+)+$', `${'a'.repeat(64)}!`, false],
  ['[', '[', true],
])('nameMatcher %s on %s', (pattern, name, expected) => {
  expect(nameMatcher(pattern)(name)).toBe(expected);
});

test.each(['(.?){1000}', '((.*){30}){30}', '\\pL{900}x{900}', '.'.repeat(513)])(
  'nameMatcher refuses what costs much: %s',
  (pattern) => {
    expect(() => nameMatcher(pattern)).toThrow('a pattern may have 512 characters, with repetitions written out 1024');
  },
);
