import fc from 'fast-check';
import { expect, test } from 'vitest';
import { modelNode } from '../../test/fakes/model.ts';
import { HeldByNodes } from './held-by-nodes.ts';
import type { Node } from './node.ts';

interface Thing {
  readonly key: string;
  readonly value: number;
}

const nodes = ['one', 'two', 'three'].map((name) => modelNode(name));
const aNode = fc.constantFrom(...nodes);
const aThing = fc.record({ key: fc.constantFrom('a', 'b', 'c'), value: fc.nat(3) }, { noNullPrototype: true });
const aStep = fc.record({
  node: aNode,
  things: fc.option(fc.uniqueArray(aThing, { selector: ({ key }) => key, maxLength: 3 })),
});

test('after any history it holds what every node listed last', () => {
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 30 }), (steps) => {
      const held = new HeldByNodes<Thing>(({ key }) => key);
      const plain = new Map<Node, readonly Thing[]>();
      for (const { node, things } of steps) {
        const before = held.version;
        const sorted = (list: readonly Thing[] | null | undefined): string | undefined =>
          list ? JSON.stringify([...list].sort((a, b) => (a.key < b.key ? -1 : 1))) : undefined;
        const isSame = sorted(plain.get(node)) === sorted(things);
        if (things === null) held.remove(node);
        else held.replace(node, things);
        if (things === null) plain.delete(node);
        else plain.set(node, things);
        expect(held.version > before).toBe(!isSame);
      }
      for (const key of ['a', 'b', 'c']) {
        const holders = [...plain].flatMap(([node, things]) =>
          things.filter((thing) => thing.key === key).map((thing) => [node.name, thing] as const),
        );
        const seen = [...(held.get(key)?.holders ?? [])].map(([node, thing]) => [node.name, thing] as const);
        expect(new Map(seen)).toEqual(new Map(holders));
        expect([...held.list()].some((each) => each.key === key)).toBe(holders.length > 0);
      }
      const byKey = (things: readonly Thing[]): Map<string, Thing> =>
        new Map(things.map((thing) => [thing.key, thing]));
      for (const node of nodes) expect(byKey(held.of(node))).toEqual(byKey(plain.get(node) ?? []));
    }),
  );
});
