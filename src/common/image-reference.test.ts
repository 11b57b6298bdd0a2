import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { asImageId, asImageIdPrefix, familiarReference, parseReference } from './image-reference.ts';

const DIGEST = `sha256:${'a1'.repeat(32)}`;

describe('familiarReference', () => {
  const cases: readonly (readonly [text: string, familiar: string])[] = [
    ['redis', 'redis:latest'],
    ['redis:7', 'redis:7'],
    ['library/redis', 'redis:latest'],
    ['docker.io/redis', 'redis:latest'],
    ['docker.io/library/redis:7', 'redis:7'],
    ['index.docker.io/library/redis', 'redis:latest'],
    ['docker.io/bitnami/redis', 'bitnami/redis:latest'],
    ['library/redis/cache', 'library/redis/cache:latest'],
    ['docker.io/library/redis/cache', 'library/redis/cache:latest'],
    ['ghcr.io/library/redis', 'ghcr.io/library/redis:latest'],
    ['localhost/library/redis', 'localhost/library/redis:latest'],
    ['localhost:5000/redis', 'localhost:5000/redis:latest'],
    ['localhost:5000/a/b:1.2', 'localhost:5000/a/b:1.2'],
    ['[fd00::1]:5000/a:1', '[fd00::1]:5000/a:1'],
    [`redis@${DIGEST}`, `redis@${DIGEST}`],
    [`docker.io/library/redis:7@${DIGEST}`, `redis@${DIGEST}`],
    [`localhost:5000/redis:7@${DIGEST}`, `localhost:5000/redis@${DIGEST}`],
  ];
  test.each(cases)('%s is %s', (text, familiar) => {
    expect(familiarReference(text)).toBe(familiar);
  });

  test('is the same for every spelling of one name, and stays as it is', () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9]{0,8}$/);
    const tag = fc.option(fc.stringMatching(/^[a-z0-9][a-z0-9.]{0,5}$/), { nil: undefined });
    fc.assert(
      fc.property(name, tag, (repository, version) => {
        const short = version === undefined ? repository : `${repository}:${version}`;
        const familiar = familiarReference(short);
        for (const prefix of ['library/', 'docker.io/', 'docker.io/library/', 'index.docker.io/library/']) {
          expect(familiarReference(prefix + short)).toBe(familiar);
        }
        expect(familiarReference(familiar)).toBe(familiar);
      }),
    );
  });
});

test('parseReference takes tag and digest apart', () => {
  expect(parseReference(`a.io:5/b/c:1@${DIGEST}`)).toEqual({ repository: 'a.io:5/b/c', tag: '1', digest: DIGEST });
  expect(parseReference(`redis@${DIGEST}`)).toEqual({ repository: 'redis', tag: undefined, digest: DIGEST });
});

describe('IDs', () => {
  test.each([
    ['a1b2', 'a1b2', undefined],
    ['sha256:a1b2', 'a1b2', undefined],
    [DIGEST, 'a1'.repeat(32), DIGEST],
    ['a1'.repeat(32), 'a1'.repeat(32), DIGEST],
    ['redis', undefined, undefined],
    ['A1B2', undefined, undefined],
    [`${'a1'.repeat(32)}0`, undefined, undefined],
    ['', undefined, undefined],
  ])('%j', (text, digits, id) => {
    expect(asImageIdPrefix(text)).toBe(digits);
    expect(asImageId(text)).toBe(id);
  });
});
