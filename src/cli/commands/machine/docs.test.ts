import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fakeIo } from '../../../../test/fakes/fake-io.ts';
import { run } from '../../program.ts';

const page = readFileSync('docs/machines.md', 'utf8');

async function help(...words: readonly string[]): Promise<string> {
  const io = fakeIo();
  await run(['machine', ...words, '--help'], io);
  return io.stdout();
}

const names = [...(await help()).matchAll(/^ {2}([a-z-]+)(?:\|[a-z]+)?(?: \[|\s{2,})/gm)].map(([, name]) => name ?? '');

describe('docs/machines.md', () => {
  it('is held against the commands there are', () => {
    expect(names).toEqual(expect.arrayContaining(['create', 'ls', 'env', 'rm', 'export', 'up']));
  });

  it.each(names.filter((name) => name !== 'help'))('names %s and all its flags', async (name) => {
    expect(page).toMatch(new RegExp(`\`(enxame machine )?${name}[\` ]`));
    const flags = [...(await help(name)).matchAll(/(?<= {2}|, )--[\w-]+/g)].map(([flag]) => flag);
    expect(flags.filter((flag) => flag !== '--help' && !page.includes(flag))).toEqual([]);
  });
});
