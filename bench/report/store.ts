import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PartResult } from './result.ts';

/** File name of a result: one per part, size and transport; a later run replaces an earlier one. */
export function fileNameOf({ part, nodes, containers, tls }: PartResult): string {
  return `${part}-${nodes}x${containers}${tls ? '-tls' : ''}.json`;
}

/** Writes one result; answers its path. */
export async function saveResult(folder: string, result: PartResult): Promise<string> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, fileNameOf(result));
  await writeFile(path, `${JSON.stringify(result, null, 2)}\n`);
  return path;
}

/** All results of a folder, by file name. */
export async function loadResults(folder: string): Promise<PartResult[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as PartResult));
}
