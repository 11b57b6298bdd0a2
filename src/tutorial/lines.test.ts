import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LINES } from './lines.ts';

/** What is typed in a page's blocks, in order: what follows `$ `, a here-document to its end. */
function typedIn(page: string): readonly string[] {
  const blocks = [...page.matchAll(/^```\w*\n(.*?)^```$/gms)].map(([, block = '']) => block);
  return blocks.flatMap((block) =>
    [...block.matchAll(/^\$ ([^\n]*<<EOF\n.*?^EOF$|[^\n]*)/gms)].map(([, line = '']) => line),
  );
}

describe('the tutorial', () => {
  it.each(['README.md', 'docs/tutorial.pt-BR.md'])(
    'is what %s shows, line by line, so that it can be copied',
    (file) => {
      expect(typedIn(readFileSync(file, 'utf8'))).toEqual(Object.values(LINES));
    },
  );
});
