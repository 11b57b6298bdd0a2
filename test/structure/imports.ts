import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/** What each source file imports, types included, by path from the root. Files of tests (`*.test.ts`) are left out. */
export interface Imports {
  /** Files of the project. */
  readonly files: ReadonlyMap<string, readonly string[]>;
  /** `node:…` and packages. */
  readonly foreign: ReadonlyMap<string, readonly string[]>;
  /** Relative imports that name no file, as `from -> specifier`. */
  readonly dangling: readonly string[];
}

const STATEMENT = /^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
const CALL = /\bimport\(\s*['"]([^'"]+)['"]/g;

/** Reads the imports of all `.ts` files under the folders, which are given by path from `root`. */
export function readImports(root: string, folders: readonly string[]): Imports {
  const sources = folders.flatMap((folder) => sourcesIn(join(root, folder))).map((path) => relative(root, path));
  const known = new Set(sources);
  const files = new Map<string, string[]>();
  const foreign = new Map<string, string[]>();
  const dangling: string[] = [];
  for (const file of sources) {
    const own: string[] = [];
    const others: string[] = [];
    for (const specifier of specifiersIn(readFileSync(join(root, file), 'utf8'))) {
      if (!specifier.startsWith('.')) {
        others.push(specifier);
        continue;
      }
      const target = relative(root, resolve(root, dirname(file), specifier));
      if (known.has(target)) own.push(target);
      else if (target.endsWith('.ts')) dangling.push(`${file} -> ${specifier}`);
    }
    files.set(file, own);
    foreign.set(file, others);
  }
  return { files, foreign, dangling };
}

/** Every module a source text names: in statements, in `import()` calls and in `import('…')` types; each once. */
export function specifiersIn(text: string): string[] {
  const found = [...text.matchAll(STATEMENT), ...text.matchAll(CALL)].map((match) => match[1] ?? '');
  return [...new Set(found)];
}

function sourcesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sourcesIn(path);
    return entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts') ? [path] : [];
  });
}
