import { type Document, isMap, isNode, LineCounter, type Node, parseDocument } from 'yaml';
import { reasonOf, UsageError } from './errors.ts';

/** Keys and indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** A YAML file and where in it everything stands. */
export interface Source {
  readonly value: unknown;
  /** An error that begins with the place: `fleet.yml:3:12: machines.a.count: …`. */
  problem(path: Path, message: string): UsageError;
  /** Where it stands, without the column: `fleet.yml:3`. */
  place(path: Path): string;
  /** Whether the file has a value there. */
  has(path: Path): boolean;
}

/** Reads YAML (or JSON, which YAML contains). Throws a UsageError of that code, with line and column. */
export function readSource(text: string, file: string, code: string): Source {
  const bad = (message: string): UsageError => new UsageError(message, code);
  const lines = new LineCounter();
  const document = parseDocument(text, { prettyErrors: false, lineCounter: lines });
  const placeAt = (offset: number | undefined): string => {
    if (offset === undefined) return file;
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const [first] = document.errors;
  if (first !== undefined) throw bad(`${placeAt(first.pos[0])}: ${first.message}`);
  const root = document.contents;
  return {
    value: plainValue(document, (message) => bad(`${file}: ${message}`)),
    has: (path) => document.hasIn(path),
    place: (path) => placeAt(offsetOf(root, path)).replace(/(:\d+):\d+$/, '$1'),
    problem: (path, message) => {
      const what = path.length === 0 ? '' : `${path.join('.')}: `;
      return bad(`${placeAt(offsetOf(root, path))}: ${what}${message}`);
    },
  };
}

/** Aliases that would make a small file a huge value are refused. */
function plainValue(document: Document.Parsed, bad: (message: string) => UsageError): unknown {
  try {
    return document.toJS();
  } catch (error) {
    throw bad(reasonOf(error));
  }
}

/** Of the last part of the path that the file has: a key, or an item of a list. */
function offsetOf(root: Node | null, path: Path): number | undefined {
  let node: unknown = root;
  let offset = root?.range?.[0];
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find((each) => String(each.key) === String(key));
      if (pair === undefined) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = (node as { readonly items?: readonly unknown[] } | null)?.items?.[Number(key)];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}
