import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../test/fakes/model.ts';
import type { ContainerSummary, PortSummary } from '../engine/types.ts';
import { Container } from './container.ts';
import { ContainerList, compareListed } from './container-list.ts';
import { Containers, type PendingContainer } from './containers.ts';
import { IDENTITY_LABEL, reachablePorts } from './listed-container.ts';
import type { Node } from './node.ts';

const NOW = 1_800_000_000_000;
const KEYS = ['app', 'tier', '__proto__', ''];
const VALUES = ['a', 'b', ''];
const NAMES = ['web', 'db', 'queue'];
/** Few digits, so that prefixes collide. */
const IDS = ['a', 'ab', 'abc', 'abd', 'b0', 'b1', 'c'];

/** One step of a history. */
type Step =
  | { readonly do: 'put'; readonly node: number; readonly summary: ContainerSummary }
  | { readonly do: 'replace'; readonly node: number; readonly summaries: readonly ContainerSummary[] }
  | { readonly do: 'remove'; readonly node: number; readonly id: string }
  | { readonly do: 'clear'; readonly node: number }
  | { readonly do: 'health'; readonly node: number; readonly isHealthy: boolean }
  | { readonly do: 'pend'; readonly node: number; readonly name: string; readonly key: string }
  | { readonly do: 'unpend'; readonly which: number }
  | { readonly do: 'ask'; readonly key: string };

const aSummary = fc
  .record({
    id: fc.constantFrom(...IDS),
    name: fc.constantFrom(...NAMES),
    state: fc.constantFrom('running', 'exited', 'paused', 'created', 'restarting'),
    created: fc.integer({ min: 1, max: 4 }),
    labels: fc.dictionary(fc.constantFrom(...KEYS), fc.constantFrom(...VALUES)),
    identity: fc.option(fc.constantFrom(...IDS.flatMap((id) => [id.padEnd(64, 'f'), id.padEnd(64, '0')])), { freq: 4 }),
    port: fc.option(fc.integer({ min: 80, max: 83 })),
  })
  .map(({ id, name, state, created, labels, identity, port }) =>
    containerSummary(id, {
      Names: [`/${name}`, `/other/${name}`],
      State: state,
      Status: state === 'exited' ? 'Exited (1) 5 minutes ago' : 'Up 5 minutes',
      Created: created,
      Labels: identity === null ? labels : { ...labels, [IDENTITY_LABEL]: identity },
      Ports: port === null ? [] : [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: port, Type: 'tcp' }],
    }),
  );
const aNode = fc.nat(2);
const aStep: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('put' as const), node: aNode, summary: aSummary }), weight: 6 },
  {
    arbitrary: fc.record({
      do: fc.constant('replace' as const),
      node: aNode,
      summaries: fc.uniqueArray(aSummary, { selector: ({ Id }) => Id, maxLength: 5 }),
    }),
    weight: 2,
  },
  { arbitrary: fc.record({ do: fc.constant('remove' as const), node: aNode, id: fc.constantFrom(...IDS) }), weight: 3 },
  fc.record({ do: fc.constant('clear' as const), node: aNode }),
  fc.record({ do: fc.constant('health' as const), node: aNode, isHealthy: fc.boolean() }),
  fc.record({
    do: fc.constant('pend' as const),
    node: aNode,
    name: fc.constantFrom(...NAMES),
    key: fc.constantFrom(...KEYS),
  }),
  fc.record({ do: fc.constant('unpend' as const), which: fc.nat(5) }),
  fc.record({ do: fc.constant('ask' as const), key: fc.constantFrom(...KEYS) }),
);

/** The real thing beside the plainest possible one: every node's containers in a map, pending ones in a list. */
class Both {
  readonly nodes: readonly Node[] = ['one', 'two', 'three'].map((name) => modelNode(name));
  readonly real: Containers = new Containers({
    onUnknownReservation: () => undefined,
    onChange: (before, after) => this.#follow(before, after),
  });
  /** What a follower of the changes knows, by node and engine ID. */
  readonly followed = new Map<string, Container>();
  readonly plain: Map<string, ContainerSummary>[] = [new Map(), new Map(), new Map()];
  readonly pending: PendingContainer[] = [];
  #pended = 0;

  take(step: Step): void {
    switch (step.do) {
      case 'put':
        this.real.update(this.node(step.node), [step.summary.Id], [step.summary], NOW);
        this.plain[step.node]?.set(step.summary.Id, step.summary);
        return;
      case 'replace':
        this.real.replaceAll(this.node(step.node), step.summaries, NOW);
        this.plain[step.node] = new Map(step.summaries.map((summary) => [summary.Id, summary]));
        return;
      case 'remove':
        this.real.remove(this.node(step.node), step.id.padEnd(64, '0'));
        this.plain[step.node]?.delete(step.id.padEnd(64, '0'));
        return;
      case 'clear':
        this.real.removeAll(this.node(step.node));
        this.plain[step.node]?.clear();
        return;
      case 'health':
        this.node(step.node).setState(step.isHealthy ? 'Healthy' : 'Unhealthy', '');
        this.real.relist(this.node(step.node));
        return;
      case 'pend':
        this.#pend(this.node(step.node), step.name, step.key);
        return;
      case 'unpend':
        for (const pending of this.pending.splice(step.which, 1)) this.real.removePending(pending);
        return;
      case 'ask':
        this.real.index.labelNodes(step.key);
    }
  }

  node(index: number): Node {
    const node = this.nodes[index];
    if (!node) throw new Error('no such node');
    return node;
  }

  /** Takes a change as a follower does, who finds the model as it is told. */
  #follow(before: Container | undefined, after: Container | undefined): void {
    const one = after ?? before;
    if (!one) throw new Error('a change of nothing');
    const key = `${one.node.name} ${one.engineId}`;
    expect(before).toBe(this.followed.get(key));
    expect(before).not.toBe(after);
    expect(one.node.containers.get(one.engineId)).toBe(after);
    const isIt = (each: { readonly nodeId: string; readonly engineId: string }): boolean =>
      each.nodeId === one.nodeId && each.engineId === one.engineId;
    expect(this.real.index.byId(one.engineId).find(isIt)).toBe(after);
    expect([...this.real.list].find(isIt)).toBe(after);
    expect(one.node.ledger.has(one.engineId)).toBe(after !== undefined);
    if (after) this.followed.set(key, after);
    else this.followed.delete(key);
  }

  /** All containers as they would be built from what each engine lists now. */
  containers(): Container[] {
    return this.plain.flatMap((held, index) =>
      [...held.values()].map((summary) => new Container(this.node(index), summary, NOW)),
    );
  }

  #pend(node: Node, name: string, key: string): void {
    this.#pended += 1;
    const id = `pending-${this.#pended}`;
    const pending = { id, engineId: id, name, nodeId: node.id, labels: { [key]: 'a' }, isPending: true } as const;
    this.pending.push(pending);
    this.real.addPending(pending);
  }
}

/** `node/engine ID` of what an index answers, sorted. */
function keysOf(found: Iterable<{ readonly nodeId: string; readonly engineId: string }>): string[] {
  return [...found].map(({ nodeId, engineId }) => `${nodeId}/${engineId}`).sort();
}

describe('after any history', () => {
  const aHistory = fc.array(aStep, { maxLength: 60 });

  function check(history: readonly Step[], compare: (both: Both) => void): void {
    const both = new Both();
    for (const step of history) both.take(step);
    compare(both);
  }

  test('who follows the changes knows what is listed, each container with its identity', () => {
    fc.assert(
      fc.property(aHistory, (history) =>
        check(history, (both) => {
          expect(new Set(both.followed.values())).toEqual(new Set(both.real.list));
          const known = [...both.followed.values()].map(({ nodeId, engineId, id }) => `${nodeId} ${engineId} ${id}`);
          const meant = both.containers().map(({ nodeId, engineId, id }) => `${nodeId} ${engineId} ${id}`);
          expect(known.sort()).toEqual(meant.sort());
        }),
      ),
    );
  });

  test('IDs, prefixes and names find what a search through everything finds', () => {
    fc.assert(
      fc.property(aHistory, (history) =>
        check(history, (both) => {
          const { index } = both.real;
          const all = [...both.containers(), ...both.pending];
          for (const short of IDS) {
            const ids = [short.padEnd(64, '0'), short.padEnd(64, 'f')];
            for (const id of ids)
              expect(keysOf(index.byId(id))).toEqual(keysOf(all.filter((one) => one.id === id || one.engineId === id)));
            const own = all.filter((one) => one.id.startsWith(short));
            const meant = own.length > 0 ? own : all.filter((one) => one.engineId.startsWith(short));
            expect(keysOf(index.byPrefix(short, 1000))).toEqual(keysOf(meant));
            const two = index.byPrefix(short, 2);
            expect(two.length).toBe(Math.min(2, index.byPrefix(short, 1000).length));
          }
          for (const name of NAMES)
            expect(keysOf(index.byName(name))).toEqual(keysOf(all.filter((one) => one.name === name)));
        }),
      ),
    );
  });

  test('labels count and find containers and their nodes', () => {
    fc.assert(
      fc.property(aHistory, (history) =>
        check(history, (both) => {
          const { index } = both.real;
          const all = [...both.containers(), ...both.pending];
          for (const key of KEYS) {
            const having = all.filter((one) => Object.hasOwn(one.labels, key));
            expect(index.countByLabel(key)).toBe(having.length);
            expect(keysOf(index.byLabel(key))).toEqual(keysOf(having));
            const nodesOf = new Map<string, Set<string>>();
            for (const one of having) {
              const value = one.labels[key] ?? '';
              nodesOf.set(value, (nodesOf.get(value) ?? new Set()).add(one.nodeId));
            }
            const seen = [...(index.labelNodes(key) ?? [])].map(([value, nodes]) => [value, new Set(nodes.keys())]);
            expect(new Map(seen as [string, Set<string>][])).toEqual(nodesOf);
            for (const value of VALUES) {
              const exactly = having.filter((one) => one.labels[key] === value);
              expect(index.countByLabel(key, value)).toBe(exactly.length);
              expect(keysOf(index.byLabel(key, value))).toEqual(keysOf(exactly));
              expect(index.labelNodes(key)?.get(value)?.size ?? 0).toBe(nodesOf.get(value)?.size ?? 0);
            }
          }
        }),
      ),
    );
  });

  test('the list is every container, newest first', () => {
    fc.assert(
      fc.property(aHistory, (history) =>
        check(history, (both) => {
          const sorted = both.containers().sort(compareListed);
          expect(both.real.size).toBe(sorted.length);
          expect(keysOf(both.real.list)).toEqual(keysOf(sorted));
          expect([...both.real.list].map(({ engineId }) => engineId)).toEqual(sorted.map(({ engineId }) => engineId));
          expect([...both.real.everything()].length).toBe(sorted.length + both.pending.length);
        }),
      ),
    );
  });

  test('each node counts and accounts for what it has', () => {
    fc.assert(
      fc.property(aHistory, (history) =>
        check(history, (both) => {
          for (const [index, node] of both.nodes.entries()) {
            const held = [...(both.plain[index]?.values() ?? [])];
            const inState = (...states: string[]): number => held.filter(({ State }) => states.includes(State)).length;
            expect(node.counts).toEqual({
              running: inState('running', 'restarting'),
              paused: inState('paused'),
              stopped: inState('exited', 'created'),
            });
            expect([...node.containers.keys()].sort()).toEqual(held.map(({ Id }) => Id).sort());
            expect(node.ledger.count).toBe(held.length);
          }
        }),
      ),
    );
  });
});

describe('the ledger', () => {
  test('takes the ports of a container when it is met and gives them back when it goes', () => {
    const node = modelNode('one');
    const containers = new Containers({ onUnknownReservation: () => undefined });
    const ports: PortSummary[] = [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'udp' }];
    containers.update(node, [], [containerSummary('a', { Ports: ports })], NOW);
    expect(node.usesPort('udp', '127.0.0.1', 8080)).toBe(true);
    expect(node.usesPort('udp', '127.0.0.2', 8080)).toBe(false);
    expect(node.usesPort('tcp', '127.0.0.1', 8080)).toBe(false);
    containers.removeAll(node);
    expect(node.usesPort('udp', '', 8080)).toBe(false);
  });

  test('gives back what a container held that ended before it was ever listed', () => {
    const node = modelNode('one');
    const containers = new Containers({ onUnknownReservation: () => undefined });
    const id = 'a'.padEnd(64, '0');
    node.ledger.put(id, { memoryBytes: 5, nanoCpus: 1, ports: [] });
    containers.update(node, [id], [], NOW);
    expect(node.reservedMemoryBytes).toBe(0);
    expect(node.containerCount).toBe(0);
  });

  test('asks for a reservation once for each container it meets, not for changes', () => {
    const asked: string[] = [];
    const node = modelNode('one');
    const containers = new Containers({ onUnknownReservation: ({ engineId }) => asked.push(engineId.slice(0, 1)) });
    containers.update(node, [], [containerSummary('a')], NOW);
    containers.update(node, [], [containerSummary('a', { State: 'exited', Status: 'Exited (0) 1 second ago' })], NOW);
    node.ledger.put('b'.padEnd(64, '0'), { memoryBytes: 1, nanoCpus: 0, ports: [] });
    containers.update(node, [], [containerSummary('b')], NOW);
    expect(asked).toEqual(['a']);
  });
});

describe('one container', () => {
  const node = modelNode('bee');
  test('has the name without links', () => {
    expect(new Container(node, containerSummary('a', { Names: ['/web/db', '/db'] }), NOW).name).toBe('db');
    expect(new Container(node, containerSummary('a', { Names: null }), NOW).name).toBe('a00000000000');
  });

  test('gets no identity from its label, and that is told once', () => {
    const refused: string[] = [];
    const containers = new Containers({
      onUnknownReservation: () => undefined,
      onRefusedIdentity: ({ name }) => refused.push(name),
    });
    const claim = containerSummary('b', { Names: ['/thief'], Labels: { [IDENTITY_LABEL]: containerSummary('a').Id } });
    containers.update(node, [], [claim], NOW);
    containers.update(node, [], [{ ...claim, State: 'paused' }], NOW);
    expect([...containers.list].map(({ id }) => id)).toEqual([claim.Id]);
    expect(containers.index.byId(containerSummary('a').Id)).toEqual([]);
    expect(refused).toEqual(['thief']);
  });
});

test.each<{ name: string; ports: PortSummary[]; shown: PortSummary[] }>([
  {
    name: 'published everywhere, on both families: once, with the address of the node',
    ports: [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' },
    ],
    shown: [{ IP: '10.0.0.9', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
  },
  {
    name: 'published on one address: as it is',
    ports: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
    shown: [{ IP: '127.0.0.1', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
  },
  {
    name: 'exposed only: as it is',
    ports: [{ PrivatePort: 80, Type: 'tcp' }],
    shown: [{ PrivatePort: 80, Type: 'tcp' }],
  },
  {
    name: 'different numbers on the two families: both',
    ports: [
      { IP: '0.0.0.0', PrivatePort: 80, PublicPort: 32768, Type: 'tcp' },
      { IP: '::', PrivatePort: 80, PublicPort: 32769, Type: 'tcp' },
    ],
    shown: [
      { IP: '10.0.0.9', PrivatePort: 80, PublicPort: 32768, Type: 'tcp' },
      { IP: '10.0.0.9', PrivatePort: 80, PublicPort: 32769, Type: 'tcp' },
    ],
  },
])('ports: $name', ({ ports, shown }) => {
  expect(reachablePorts(ports, '10.0.0.9')).toEqual(shown);
});

describe('a long list', () => {
  const node = modelNode('one');
  const make = (number: number): Container =>
    new Container(node, containerSummary(number.toString(16), { Created: (number * 7919) % 1000 }), NOW);

  test('stays in order and complete through pages that split and merge', () => {
    const list = new ContainerList();
    const all = Array.from({ length: 3000 }, (_, number) => make(number));
    for (const container of all) list.add(container);
    expect([...list]).toEqual([...all].sort(compareListed));
    const kept = all.filter((_, number) => number % 50 === 0);
    for (const container of all) if (!kept.includes(container)) list.remove(container);
    expect([...list]).toEqual([...kept].sort(compareListed));
    // 60 entries.
    expect(list.pages.length).toBeLessThanOrEqual(2);
    for (const container of kept) list.remove(container);
    expect(list.pages).toEqual([]);
  });

  test('of one second is in the order of creation, also after a change', () => {
    const one = modelNode('one');
    const ids = ['c', 'a', 'd', 'b'];
    const made = ids.map((id, index) => new Container(one, containerSummary(id, { Created: 7 }), NOW + index));
    const list = new ContainerList();
    for (const container of made) list.add(container);
    for (const [index, earlier] of made.entries()) {
      list.remove(earlier);
      const summary = containerSummary(ids[index] ?? '', { Created: 7, State: 'exited' });
      list.add(new Container(one, summary, NOW + 500 - index, earlier));
    }
    expect([...list].map(({ id }) => id[0])).toEqual(['b', 'd', 'a', 'c']);
  });
});

test('labels that would make every listing heavy are left out of it, and that is said', () => {
  const labels = { a: 'x'.repeat(50_000_000) };
  const container = new Container(modelNode('n1'), containerSummary('a', { Labels: labels }), NOW);
  expect(container.entry().Labels).toEqual({ 'enxame.labels': '50000001 characters, left out of listings' });
});
