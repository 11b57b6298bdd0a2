import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it('the page knows nothing of the manager but the types of its protocol', () => {
  const folder = new URL('src/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  const imports = files.flatMap((name) =>
    [...readFileSync(new URL(name, folder), 'utf8').matchAll(/^(import.*?) from '((?:\.\.\/)+src\/[^']+)'/gms)].map(
      ([, what = '', from = '']) =>
        `${what.includes('import type') ? 'types' : 'code'} ${from.replace(/^(\.\.\/)+/, '')}`,
    ),
  );
  expect(new Set(imports)).toEqual(new Set(['types src/page/protocol.ts']));
});
