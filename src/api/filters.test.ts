import { describe, expect, test } from 'vitest';
import { flag, matchesLabels, nameMatcher, parseFilters } from './filters.ts';

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

test.each([
  ['all=1', true],
  ['all=true', true],
  ['all=0', false],
  ['all=false', false],
  ['all=', false],
  ['', false],
])('flag %s', (query, expected) => {
  expect(flag(new URLSearchParams(query), 'all')).toBe(expected);
});
