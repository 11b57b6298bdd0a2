import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tar } from '../common/tar.ts';
import { baseImages, findFile } from './build-context.ts';

const MIB = 2 ** 20;
const file = (path: string, content: string) => ({ path, mode: 0o644, content: Buffer.from(content) });

const archive = await tar([
  { path: 'app/', mode: 0o755 },
  file('app/main.c', 'x'.repeat(3_000)),
  file('Dockerfile', 'FROM base\n'),
  file('z', 'z'),
]);

describe('findFile', () => {
  test.each(['Dockerfile', './Dockerfile', '/Dockerfile'])('finds %s in a plain and in a gzipped archive', (path) => {
    for (const each of [archive, gzipSync(archive)]) {
      expect(findFile(each, path, MIB)).toEqual({ kind: 'found', content: 'FROM base\n' });
    }
  });

  test('says when it is not there', () => {
    expect(findFile(archive, 'other', MIB)).toEqual({ kind: 'absent' });
    expect(findFile(Buffer.from([0x1f, 0x8b, 1, 2, 3]), 'Dockerfile', MIB)).toEqual({ kind: 'absent' });
    expect(findFile(gzipSync(Buffer.alloc(2 * MIB, 'a')), 'Dockerfile', MIB)).toEqual({ kind: 'absent' });
  });

  test('a beginning says the same as the whole, or that more is needed', () => {
    for (const whole of [archive, gzipSync(archive)]) {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: whole.length }), (length) => {
          const found = findFile(whole.subarray(0, length), 'Dockerfile', MIB);
          if (found.kind !== 'more') expect(found).toEqual({ kind: 'found', content: 'FROM base\n' });
        }),
      );
    }
  });

  test('any bytes are no danger', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 3_000 }), (bytes) => void findFile(Buffer.from(bytes), 'a', MIB)));
  });
});

test.each([
  ['FROM base', {}, ['base']],
  ['from --platform=linux/amd64 base:1 as x\nFROM x\nCOPY --from=x a b', {}, ['base:1']],
  [
    'FROM a AS one\nFROM b\nCOPY --from=one x y\nCOPY --chown=1:1 --from=tools:2 x y\nCOPY --from=0 x y',
    {},
    ['a', 'b', 'tools:2'],
  ],
  ['ARG TAG=1\nFROM base:$TAG', {}, ['base:1']],
  [`ARG TAG=1\nFROM base:\${TAG}`, { TAG: '2' }, ['base:2']],
  [`ARG TAG\nFROM base:\${TAG:-3}`, {}, ['base:3']],
  [`ARG IMAGE="my/base"\nFROM \${IMAGE}`, {}, ['my/base']],
  ['FROM \\\n  base\nRUN echo FROM nothing', {}, ['base']],
  ['FROM scratch\n# FROM nothing\nRUN true', {}, []],
  ['', {}, []],
])('baseImages of %j', (dockerfile, args, expected) => {
  expect(baseImages(dockerfile, new Map(Object.entries(args)))).toEqual(expected);
});
