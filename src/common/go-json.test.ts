import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson, each, isPlainlyCanonical, list, map, struct } from './go-json.ts';

const SHAPE = struct({
  ...each('Name Size', 'scalar'),
  Env: 'whole',
  Labels: map('whole'),
  Host: struct({ ...each('Mode Kind Links', 'scalar'), Ports: map(list(struct(each('HostIp HostPort', 'scalar')))) }),
  Mounts: list(struct(each('Source Target', 'scalar'))),
});

describe('canonicalJson', () => {
  const same = [
    '{"Name":"a","Labels":{"name":"x","NAME":"y"},"Unknown":1}',
    ' {"Size": 9007199254740993 , "Mounts":[ {"Source":"a"} ]}',
    '{"Host":null,"Mounts":null,"Labels":[]}',
    '{"Labels":{"a":"1","a":"2"}}',
    'null',
    '[]',
    '"text"',
  ];
  test.each(same)('leaves %s as it is', (text) => {
    expect(canonicalJson(text, SHAPE)).toBe(text);
  });

  // What Go 1.19 and 1.24 decode from the left text, encoded again.
  const changed: [name: string, text: string, canonical: string][] = [
    ['case', '{"name":"a","HOST":{"mOdE":"b"}}', '{"Name":"a","Host":{"Mode":"b"}}'],
    ['letters that Go folds', '{"\u017fize":1,"Ho\\u017ft":{"Lin\u212a\u017f":2}}', '{"Size":1,"Host":{"Links":2}}'],
    ['no letters that Go does not fold', '{"S\u0131ze":1,"name":2}', '{"S\u0131ze":1,"Name":2}'],
    ['escapes', '{"\\u006eame":"a"}', '{"Name":"a"}'],
    ['the last scalar', '{"Name":"a","name":"b"}', '{"Name":"b"}'],
    ['null over a scalar', '{"Name":"a","name":null}', '{"Name":"a"}'],
    ['null over a list', '{"Env":["a"],"env":null}', '{"Env":null}'],
    [
      'objects read over another',
      '{"Host":{"Mode":"a","Kind":"k"},"host":{"mode":"b"}}',
      '{"Host":{"Mode":"b","Kind":"k"}}',
    ],
    ['one name twice', '{"Host":{"Mode":"a"},"Host":{}}', '{"Host":{"Mode":"a"}}'],
    ['null between objects', '{"Host":{"Mode":"a"},"host":null,"HOST":{"Kind":"k"}}', '{"Host":{"Kind":"k"}}'],
    [
      'maps read over another',
      '{"Labels":{"a":"1","b":"1"},"labels":{"a":"2"}}',
      '{"Labels":{"a":"1","b":"1","a":"2"}}',
    ],
    [
      'objects in maps and lists',
      '{"host":{"ports":{"80/tcp":[{"hostport":"1"}]}},"mounts":[{"SOURCE":"v"}]}',
      '{"Host":{"Ports":{"80/tcp":[{"HostPort":"1"}]}},"Mounts":[{"Source":"v"}]}',
    ],
    [
      'large numbers and unknown members',
      '{"size":18446744073709551615,"x":{"Name":1},"X":2}',
      '{"Size":18446744073709551615,"x":{"Name":1},"X":2}',
    ],
    ['__proto__', '{"__proto__":{"Name":1},"name":"a"}', '{"__proto__":{"Name":1},"Name":"a"}'],
  ];
  test.each(changed)('%s', (_name, text, canonical) => {
    expect(canonicalJson(text, SHAPE)).toBe(canonical);
    expect(canonicalJson(canonical, SHAPE)).toBe(canonical);
    expect(isPlainlyCanonical(text, JSON.parse(text), SHAPE)).toBe(false);
  });

  test('work grows with the text, however often a member is repeated', () => {
    const repeated = `{${Array.from({ length: 100_000 }, (_, i) => `"host":{"x${i}":1}`).join(',')}}`;
    expect(JSON.parse(canonicalJson(repeated, SHAPE)).Host).toHaveProperty('x99999', 1);
  });
});

describe('isPlainlyCanonical', () => {
  test.each([
    '{"Name":"a","Labels":{"name":"x","NAME":"y"},"Unknown":{"name":1}}',
    '{"Host":{"Ports":{"80/tcp":[{"HostPort":"1"}]}},"Mounts":[{"Source":"v"},null]}\n',
    '{"Host":null,"Mounts":{},"Labels":[],"Env":["a"]}',
    'null',
    '[{"name":"a"}]',
  ])('sees that %s is', (text) => {
    expect(isPlainlyCanonical(text, JSON.parse(text), SHAPE)).toBe(true);
  });

  test.each([
    ['a member given twice', '{"Labels":{"a":"1"},"Labels":{"b":"1"}}'],
    ['a member given twice where no name is known', '{"Unknown":{"a":1,"a":2}}'],
    ['a large number', '{"Size":9007199254740993}'],
    ['white space', '{"Name": "a"}'],
  ])('leaves it open: %s', (_name, text) => {
    expect(isPlainlyCanonical(text, JSON.parse(text), SHAPE)).toBe(false);
  });

  test('answers for any depth', () => {
    const text = `{"Env":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    // It is; newer releases of Node go as deep, and older ones leave it open.
    expect([true, false]).toContain(isPlainlyCanonical(text, JSON.parse(text), SHAPE));
  });

  test('never calls canonical what is not', () => {
    const name = fc.constantFrom('Name', 'name', 'Host', 'HOST', 'Mode', 'mode', 'Labels', 'x');
    const { text } = fc.letrec<{ text: string; object: string }>((tie) => ({
      object: fc
        .array(fc.tuple(name, tie('text')), { maxLength: 4 })
        .map((members) => `{${members.map(([key, value]) => `"${key}":${value}`).join(',')}}`),
      text: fc.oneof({ maxDepth: 3 }, fc.constantFrom('1', '"a"', 'null'), tie('object')),
    }));
    fc.assert(
      fc.property(text, (each) => {
        if (isPlainlyCanonical(each, JSON.parse(each), SHAPE)) expect(canonicalJson(each, SHAPE)).toBe(each);
      }),
    );
  });
});
