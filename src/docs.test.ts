import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' }).flatMap((name) =>
    name.endsWith('.md') ? `docs/${name}` : [],
  ),
];
const text = (page: string): string => readFileSync(page, 'utf8');

describe('docs/architecture.md', () => {
  it('names files that exist', () => {
    const named = [...text('docs/architecture.md').matchAll(/`((?:[\w-]+\/)+[\w-]+\.ts)`/g)].map(
      ([, path]) => path ?? '',
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((path) => !existsSync(path) && !existsSync(join('src', path)))).toEqual([]);
  });

  it('has a line for every room', () => {
    const rooms = readdirSync('src', { withFileTypes: true }).flatMap((each) => (each.isDirectory() ? each.name : []));
    const page = text('docs/architecture.md');
    expect(rooms.filter((room) => !page.includes(`\`${room}/\``))).toEqual([]);
  });
});

describe('links between pages', () => {
  it.each(PAGES)('%s: lead to files and headings that exist', (page) => {
    const wrong = [...text(page).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) => {
      if (/^[a-z]+:/.test(link)) return [];
      const [file = '', heading] = link.split('#');
      const target = file === '' ? page : join(dirname(page), file);
      if (!existsSync(target)) return [link];
      return heading === undefined || headings(target).has(heading) ? [] : [link];
    });
    expect(wrong).toEqual([]);
  });
});

describe('commands with certificates', () => {
  it.each(PAGES)('%s: say which of those that were just made is meant', (page) => {
    const blocks = [...text(page).matchAll(/^```\w*\n(.*?)^```/gms)].map(([, block = '']) => block);
    const wrong = blocks
      .filter((block) => /--tlscert cert\.pem/.test(block))
      .flatMap((block) =>
        [...block.matchAll(/enxame certs server ([\w-]+)/g)].flatMap(([line, name]) =>
          block.includes(`certs/${name}`) ? [] : [line],
        ),
      );
    expect(wrong).toEqual([]);
  });
});

/** The anchors of a page's headings, as GitHub makes them. */
function headings(page: string): ReadonlySet<string> {
  const titles = text(page).match(/^#+ .*$/gm) ?? [];
  return new Set(
    titles.map((title) =>
      title
        .replace(/^#+ /, '')
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
