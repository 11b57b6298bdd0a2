import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { growthTable } from './growth.ts';
import { picturesOf } from './pictures.ts';
import type { PartResult } from './result.ts';
import { loadResults } from './store.ts';
import { factsTable, rowsTable, toMarkdown } from './table.ts';

const BEGIN = '<!-- results: written by `npm run bench -- report` -->';
const END = '<!-- end of results -->';
/** Pictures lie beside the page. */
const PICTURES = 'performance';

/** Replaces the results section of a page by what a folder of results says, and writes its pictures. */
export async function writeDocument(page: string, resultsFolder: string): Promise<void> {
  const results = (await loadResults(resultsFolder)).sort(inOrder);
  const pictures = picturesOf(results);
  const folder = join(dirname(page), PICTURES);
  if (pictures.length > 0) await mkdir(folder, { recursive: true });
  await Promise.all(pictures.map(({ file, svg }) => writeFile(join(folder, file), svg)));
  const links = pictures.map(({ file, caption }) => `![${caption}](${PICTURES}/${file})`);
  const growth = growthTable(results);
  const sections = [
    ...results.map((result, i) => sectionOf(result, results[i - 1])),
    ...(growth === undefined ? [] : [`### growth\n\nCPU milliseconds per operation.\n\n${toMarkdown(growth)}`]),
    ...links,
  ];
  await writeFile(page, replaceSection(await readFile(page, 'utf8'), sections.join('\n\n')));
}

/** The page with everything between the two marks replaced; throws when it has no marks. */
export function replaceSection(page: string, section: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`the page has no "${BEGIN}" … "${END}"`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${section}\n\n${page.slice(end)}`;
}

/** Parts in the order of the page's own table, then by size. */
const ORDER: readonly string[] = [
  'boot',
  'read',
  'schedule',
  'records',
  'events',
  'streams',
  'failure',
  'idle',
  'publish',
  'stores',
  'sweep',
  'soak',
];

function inOrder(a: PartResult, b: PartResult): number {
  return ORDER.indexOf(a.part) - ORDER.indexOf(b.part) || a.nodes - b.nodes || Number(a.tls) - Number(b.tls);
}

/** Where and on what a result was measured: said again only when it differs from the section before. */
function circumstancesOf({ manager, environment }: PartResult): string {
  const machine = `${environment.cores} × ${environment.cpu}, ${environment.memoryGiB} GiB, Linux ${environment.kernel}, Node ${environment.node}`;
  return `${environment.when.slice(0, 10)}, ${machine}; \`${manager}\``;
}

function sectionOf(result: PartResult, before: PartResult | undefined): string {
  const { part, nodes, containers, tls } = result;
  const circumstances = circumstancesOf(result);
  const isNews = before === undefined || circumstancesOf(before) !== circumstances;
  return [
    `### ${part}: ${nodes} nodes × ${containers} containers${tls ? ', TLS' : ''}`,
    ...(isNews ? [circumstances] : []),
    ...(result.rows.length > 0 ? [toMarkdown(rowsTable(result.rows))] : []),
    ...(result.facts.length > 0 ? [toMarkdown(factsTable(result.facts))] : []),
  ].join('\n\n');
}
