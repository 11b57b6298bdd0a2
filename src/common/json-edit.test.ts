import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadRequestError } from './errors.ts';
import {
  forEachElement,
  forEachMember,
  insertMember,
  memberRange,
  memberString,
  memberText,
  removeMember,
  replaceMember,
  setMember,
} from './json-edit.ts';

/** Any JSON value, printed with white space, escapes and unusual numbers where the grammar allows them. */
const anyText: fc.Arbitrary<string> = fc
  .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\n\t', '  '), fc.boolean())
  .map(([value, space, escaped]) => {
    const text = JSON.stringify(value, null, space);
    return (escaped ? escapeSome(text) : text).replace(/^|$/g, space);
  });

/** Writes some letters inside strings as \u escapes. */
function escapeSome(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, (string) =>
    string.replace(/\\u[0-9a-f]{4}|\\.|[a-f]/gi, (char) =>
      char.length > 1 ? char : `\\u00${char.charCodeAt(0).toString(16)}`,
    ),
  );
}

function parsesTo(text: string): unknown {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return 'not JSON';
  }
}

describe('json-edit', () => {
  it('finds every member of any object, as JSON.parse does', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), anyText), (members) => {
        const text = `{${Object.entries(members)
          .map(([name, value]) => `${JSON.stringify(name)} :${value}`)
          .join(' ,\n')} }`;
        const parsed = JSON.parse(text) as Record<string, unknown>;
        for (const name of Object.keys(members)) {
          expect(JSON.parse(memberText(text, [name]) ?? '')).toEqual(
            Object.getOwnPropertyDescriptor(parsed, name)?.value,
          );
        }
        const seen: [string, unknown][] = [];
        forEachMember(text, (name, start, end) => seen.push([name, JSON.parse(text.slice(start, end))]));
        expect(seen.map(([name]) => name)).toEqual(Object.keys(members));
      }),
    );
  });

  it('follows paths and leaves everything else as it was written', () => {
    fc.assert(
      fc.property(anyText, anyText, fc.string(), fc.string(), (before, after, outer, inner) => {
        const text = `{"a\\"":${before},${JSON.stringify(`${outer}!`)}: { ${JSON.stringify(inner)}:[1, {}] }, "z":${after}}`;
        const edited = replaceMember(text, [`${outer}!`, inner], '18446744073709551615');
        expect(edited).toBe(text.replace('[1, {}] }, "z"', '18446744073709551615 }, "z"'));
      }),
    );
  });

  it('visits the elements of any array', () => {
    fc.assert(
      fc.property(fc.array(anyText), (elements) => {
        const text = ` [${elements.join(',')}]`;
        const seen: unknown[] = [];
        forEachElement(text, (start, end) => seen.push(JSON.parse(text.slice(start, end))));
        expect(seen).toEqual(JSON.parse(text));
      }),
    );
  });

  it('sets and removes members as assignment and delete do', () => {
    const objects = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 2 }), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(objects, fc.string({ minLength: 1 }), fc.jsonValue(), (object, name, value) => {
        fc.pre(name !== '__proto__' && !Object.hasOwn(object, '__proto__'));
        const text = JSON.stringify(object, null, 1);
        const set = setMember(text, [name], JSON.stringify(value));
        expect(JSON.parse(set)).toEqual(JSON.parse(JSON.stringify({ ...object, [name]: value })));
        const { [name]: _, ...rest } = object;
        expect(JSON.parse(removeMember(set, [name]))).toEqual(JSON.parse(JSON.stringify(rest)));
        expect(JSON.parse(setMember(text, ['new!', name], '1'))['new!']).toEqual(
          Object.hasOwn(object, 'new!') ? expect.anything() : { [name]: 1 },
        );
      }),
    );
  });

  it('refuses what JSON.parse refuses, in the objects it reads', () => {
    const pieces = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"\\u00e9"',
        '"\\x"',
        '1',
        '-',
        '01',
        '1e5',
        'true',
        'nul',
        ' ',
        '"',
      ),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(pieces, (tokens) => {
        const text = `{"v":${tokens.join('')}}`;
        const parsed = parsesTo(text);
        if (parsed === 'not JSON') expect(() => memberRange(text, ['v'])).toThrow(BadRequestError);
        else expect(memberRange(text, ['v'])).toBeDefined();
      }),
      { numRuns: 2000 },
    );
  });

  it('survives nesting deeper than any stack', () => {
    const deep = `{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect(memberRange(deep, ['a'])).toEqual({ start: 5, end: 1_000_005 });
    expect(() => memberRange(`{"a":${'[{"b":'.repeat(500_000)}}`, ['a'])).toThrow(BadRequestError);
  });

  it.each([
    ['the last of equal names', '{"a":1,"a":2}', ['a'], '2'],
    ['an escaped name', '{"\\u0061":1}', ['a'], '1'],
    ['a number that doubles cannot hold', '{"timeNano":1700000000123456789}', ['timeNano'], '1700000000123456789'],
    ['nothing', '{"a":1}', ['b'], undefined],
    ['nothing inside a number', '{"a":1}', ['a', 'b'], undefined],
    ['the whole', ' [1] ', [], '[1]'],
  ])('finds %s', (_what, text, path, value) => {
    expect(memberText(text, path)).toBe(value);
  });

  it('reads strings only from strings', () => {
    expect(memberString('{"a":"x\\ny"}', ['a'])).toBe('x\ny');
    expect(memberString('{"a":5}', ['a'])).toBeUndefined();
  });

  it.each(['', '   ', '{', '{"a":1', '[', '{"a" 1}', "{'a':1}", '{"a":1,}'])('refuses %j', (text) => {
    expect(() => insertMember(text, [], 'x', '1')).toThrow(BadRequestError);
  });
});
