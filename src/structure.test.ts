import { describe, expect, it } from 'vitest';
import { circlesIn, shortestRing } from '../test/structure/circles.ts';
import { readImports, specifiersIn } from '../test/structure/imports.ts';

/**
 * The house, from the ground up. What a room imports, types included, lies on a floor below its own; rooms of one floor do not know
 * each other. A new room gets a floor here, and a line in docs/architecture.md.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['common'],
  ['kv', 'notify', 'pki', 'scheduler', 'ssh', 'web'],
  ['discovery', 'mesh', 'prices', 'provision', 'store'],
  ['engine'],
  ['namespaces', 'relay', 'replication'],
  ['agent', 'cluster', 'drivers', 'lab'],
  ['desired', 'images', 'machine', 'monitor', 'price-lists', 'publish', 'stats', 'substrate', 'tutorial', 'volumes'],
  ['lifecycle', 'networks'],
  ['fencing'],
  ['availability'],
  ['cheapest'],
  ['api'],
  ['metrics', 'page'],
  ['manager'],
  ['cli'],
];

/** How many imports run up or across all the same, by room. Only taken off, never added to; empty is the aim. */
const ARROWS_UP: Readonly<Record<string, number>> = {};

/** How many files are in circles all the same, by room. Only taken off, never added to; empty is the aim. */
const CIRCLES: Readonly<Record<string, number>> = {};

const ROOT = new URL('..', import.meta.url).pathname;
const { files, foreign, dangling } = readImports(ROOT, ['src', 'simulator', 'bench', 'test']);
const own = new Map([...files].filter(([file]) => file.startsWith('src/')));

/** `cluster` for `src/cluster/node.ts`, `test` for `test/fakes/wait.ts`; undefined for the package's face, `src/index.ts`. */
function roomOf(file: string): string | undefined {
  const [top = '', room = '', ...rest] = file.split('/');
  if (top !== 'src') return top;
  return rest.length === 0 ? undefined : room;
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room));
}

/** Shows all faults of those of which there are more than the exceptions say. */
function expectAtMost(
  exceptions: Readonly<Record<string, number>>,
  faults: readonly { readonly between: string; readonly file: string }[],
  hint: string,
): void {
  const count = (between: string): number => faults.filter((fault) => fault.between === between).length;
  const tooMany = faults.filter(({ between }) => count(between) > (exceptions[between] ?? 0));
  expect(
    tooMany.map(({ file }) => file),
    hint,
  ).toEqual([]);
}

const arrows = [...files].flatMap(([from, targets]) => targets.map((to) => ({ from, to, name: `${from} -> ${to}` })));

describe('the rooms', () => {
  it('have a floor each', () => {
    const rooms = new Set([...own.keys()].flatMap((file) => roomOf(file) ?? []));
    expect([...rooms].sort()).toEqual(FLOORS.flat().sort());
  });

  it('import from floors below their own only', () => {
    const wrong = arrows.flatMap(({ from, to }) => {
      const [room, target] = [roomOf(from), roomOf(to)];
      if (!own.has(from) || !own.has(to) || room === undefined || room === target) return [];
      const isDown = target !== undefined && floorOf(target) < floorOf(room);
      const floors = `floor ${floorOf(room)} -> ${target === undefined ? 'the face' : floorOf(target)}`;
      return isDown ? [] : { between: `${room} -> ${target}`, file: `${from} -> ${to} (${floors})` };
    });
    expectAtMost(ARROWS_UP, wrong, 'move what is needed to a lower floor, or let the higher room hand it in');
  });

  it('take nothing from tests, the simulator or the benchmark', () => {
    expect(arrows.filter(({ from, to }) => own.has(from) && !own.has(to))).toEqual([]);
  });

  it('hand themselves to the simulator, and both to tests and to the benchmark', () => {
    const may: Readonly<Record<string, readonly string[]>> = {
      simulator: ['src', 'simulator'],
      bench: ['src', 'simulator', 'bench', 'test'],
      test: ['src', 'simulator', 'test'],
    };
    const wrong = arrows.filter(({ from, to }) => {
      const allowed = may[from.split('/')[0] ?? ''];
      return allowed !== undefined && !allowed.includes(to.split('/')[0] ?? '');
    });
    expect(wrong.map(({ name }) => name)).toEqual([]);
  });
});

describe('the files', () => {
  it('make no circle, types included', () => {
    const members = circlesIn(files).flat();
    const rings = circlesIn(files).map((circle) => shortestRing(circle, files).join(' -> '));
    expectAtMost(
      CIRCLES,
      members.map((file) => ({ between: roomOf(file) ?? '', file })),
      `shortest circle: ${rings.join('; ')}`,
    );
  });

  it('name files that exist', () => {
    expect(dangling).toEqual([]);
  });

  it('of the scheduler do no input or output', () => {
    const strangers = [...foreign].filter(
      ([file, names]) => roomOf(file) === 'scheduler' && names.some((name) => name.startsWith('node:')),
    );
    expect(strangers).toEqual([]);
  });
});

describe('the reader of imports', () => {
  it('finds every form', () => {
    const text = [
      "import a from './a.ts';",
      "import type { B } from './b.ts';",
      'import {',
      '  type C,',
      '  c,',
      "} from './c.ts';",
      "import './d.ts';",
      "export { e } from './e.ts';",
      "export * from './f.ts';",
      "const g = await import('./g.ts');",
      "let h: import('./h.ts').H;",
      "// import x from './x.ts';",
      "const text = 'from';",
    ].join('\n');
    const letters = specifiersIn(text).map((specifier) => specifier.replace(/^\.\/(\w)\.ts$/, '$1'));
    expect(letters.join('')).toBe('abcdefgh');
  });

  it('finds circles', () => {
    const graph = { a: ['b'], b: ['c'], c: ['b', 'd'], d: [], e: ['f'], f: ['e', 'a'] };
    expect(circlesIn(new Map(Object.entries(graph)))).toEqual([
      ['b', 'c'],
      ['e', 'f'],
    ]);
    expect(shortestRing(['b', 'c'], new Map(Object.entries(graph)))).toEqual(['b', 'c', 'b']);
  });
});
