import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseExpression } from './expression.ts';
import { matchesPattern, PatternCache } from './pattern.ts';

describe('parseExpression', () => {
  it.each([
    ['storage==ssd', { key: 'storage', operator: '==', isSoft: false, pattern: { kind: 'exact', value: 'ssd' } }],
    ['storage!=ssd', { key: 'storage', operator: '!=', isSoft: false }],
    ['region==~us-east', { key: 'region', operator: '==', isSoft: true, pattern: { kind: 'exact', value: 'us-east' } }],
    ['region!=~us-east', { key: 'region', operator: '!=', isSoft: true }],
    ['com.example.type==frontend', { key: 'com.example.type' }],
    ['node_1-x==a b', { key: 'node_1-x', pattern: { value: 'a b' } }],
    ['image==redis@sha256:0123', { key: 'image', pattern: { value: 'redis@sha256:0123' } }],
    ['flags!=a==b', { key: 'flags', operator: '!=', pattern: { value: 'a==b' } }],
    ['Node==bee', { key: 'Node' }],
  ])('%s', (text, expected) => {
    expect(parseExpression(text)).toMatchObject({ text, ...expected });
  });

  it.each([
    ['storage', 'One of operator ==, != is expected'],
    ['storage=ssd', 'One of operator ==, != is expected'],
    ['==ssd', "Key '' is invalid"],
    ['s==ssd', "Key 's' is invalid"],
    ['9lives==cat', "Key '9lives' is invalid"],
    ['sto rage==ssd', "Key 'sto rage' is invalid"],
    ['storage==', "Value '' is invalid"],
    ['storage==~', "Value '' is invalid"],
    ['storage==ss#d', "Value 'ss#d' is invalid"],
    ['storage==/(/', "Value '/(/' is invalid"],
    [`storage==/${'a'.repeat(129)}/`, 'at most 128 characters'],
    [`storage==${'a'.repeat(2000)}`, 'longer than 1024 characters'],
  ])('refuses %s', (text, message) => {
    expect(() => parseExpression(text)).toThrow(message);
    expect(() => parseExpression(text)).toThrow(expect.objectContaining({ status: 400, code: 'BAD_EXPRESSION' }));
  });

  it('keeps error messages short', () => {
    const error = catchError(() => parseExpression('x'.repeat(100_000)));
    expect(error.message.length).toBeLessThan(200);
  });
});

describe('patterns', () => {
  it.each([
    ['ssd', 'ssd', true],
    ['ssd', 'ssd2', false],
    ['us-*', 'us-east', true],
    ['us-*', 'eu-us-east', false],
    ['*east', 'us-east', true],
    ['*', '', true],
    ['a*a', 'a', false],
    ['a*b*c', 'axxbxxc', true],
    ['a*b*c', 'acb', false],
    ['x*ab*ab*y', 'xaby', false],
    ['x*ab*ab*y', 'xababy', true],
    ['1.2.*', '1.2.3', true],
    ['1.2.*', '1x2x3', false],
    ['10.0.0.1', '10x0x0x1', false],
    ['/node[12]/', 'my-node1-x', true],
    ['/^node[12]$/', 'node3', false],
    ['/(?i)NODE1/', 'node1', true],
    ['/foo\\[bar\\]/', 'foo[bar]', true],
    ['/', '/', true],
  ])('%s on %s: %s', (value, candidate, isMatch) => {
    expect(matchesPattern(parseExpression(`key==${value}`).pattern, candidate)).toBe(isMatch);
  });

  it('match a glob exactly when a naive backtracking matcher does', () => {
    const text = fc.stringMatching(/^[ab]{0,8}$/);
    const glob = fc.stringMatching(/^[ab*]{1,8}$/);
    fc.assert(
      fc.property(glob, text, (pattern, candidate) => {
        const { pattern: compiled } = parseExpression(`key==${pattern}`);
        expect(matchesPattern(compiled, candidate)).toBe(naiveGlob(pattern, candidate));
      }),
    );
  });

  it('finish a catastrophic regular expression', () => {
    const { pattern } = parseExpression('key==/^(a+)+(a|aa)+(.*a)*$/');
    expect(matchesPattern(pattern, `${'a'.repeat(5000)}:`)).toBe(false);
  });

  it('are compiled once per cache and forgotten least recently used first', () => {
    const cache = new PatternCache(2);
    const patternOf = (value: string): unknown => parseExpression(`key==${value}`, cache).pattern;
    const [one, two] = [patternOf('/1/'), patternOf('/2/')];
    expect(patternOf('/1/')).toBe(one);
    patternOf('/3/');
    expect(patternOf('/1/')).toBe(one);
    expect(patternOf('/2/')).not.toBe(two);
  });
});

function naiveGlob(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  if (pattern[0] === '*')
    return naiveGlob(pattern.slice(1), text) || (text !== '' && naiveGlob(pattern, text.slice(1)));
  return pattern[0] === text[0] && naiveGlob(pattern.slice(1), text.slice(1));
}

function catchError(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('expected an error');
}
