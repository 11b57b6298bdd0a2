import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { descriptorWarning } from './descriptors.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-limits-'));
});
afterAll(() => rm(folder, { recursive: true }));

test.each([
  ['1024                 524288               files', 5, undefined],
  ['1024                 524288               files', 10, '10 engines may need 1040 open files, but the limit is 1024'],
  ['unlimited            unlimited            files', 100_000, undefined],
])('a limit of %s and %i engines', async (limit, engines, warning) => {
  const file = join(folder, 'limits');
  await writeFile(file, `Limit   Soft Limit   Hard Limit   Units\nMax open files            ${limit}\n`);
  const said = await descriptorWarning(engines, file);
  if (warning === undefined) expect(said).toBeUndefined();
  else expect(said).toContain(warning);
});

test('says nothing where limits cannot be read', async () => {
  expect(await descriptorWarning(1_000_000, join(folder, 'missing'))).toBeUndefined();
});
