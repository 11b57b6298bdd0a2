import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Locked {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

it('package-lock.json has the packages of every platform, or newer npm refuses it in a clean clone', () => {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
    packages: Readonly<Record<string, Locked>>;
  };
  const missing = Object.entries(packages).flatMap(([path, locked]) =>
    Object.keys({ ...locked.dependencies, ...locked.optionalDependencies }).filter(
      (name) => !placesSeenFrom(path).some((folder) => `${folder}node_modules/${name}` in packages),
    ),
  );
  expect(missing).toEqual([]);
});

/** Where Node looks for the dependencies of a package: in its own folder, and in all above. */
function placesSeenFrom(path: string): readonly string[] {
  const parts = path.split(/(?<=\/)(?=node_modules\/)/);
  return path === ''
    ? ['']
    : parts
        .map(
          (_, depth) =>
            `${parts
              .slice(0, depth + 1)
              .join('')
              .replace(/\/?$/, '/')}`,
        )
        .concat('');
}
