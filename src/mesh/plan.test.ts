import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keyOf, SimulatedMesh } from '../../test/fakes/simulated-mesh.ts';
import type { MeshPlan, Way } from './types.ts';

function wayOf(plan: MeshPlan, a: string, b: string): Way | undefined {
  return plan.paths.find((path) => (path.a === a && path.b === b) || (path.a === b && path.b === a))?.way;
}

describe('planMesh', () => {
  it('lets nodes behind NAT keep tunnels to all public ones, and reach each other through one of them', () => {
    const mesh = new SimulatedMesh({ public: ['pub-1', 'pub-2'], behindNat: ['a', 'b'] });
    const plan = mesh.plan();
    expect(wayOf(plan, 'a', 'pub-1')).toEqual({ kind: 'direct' });
    const way = wayOf(plan, 'a', 'b');
    expect(way?.kind).toBe('relay');
    const order = plan.orders.get('a');
    expect(order?.peers.map(({ key }) => key).sort()).toEqual([keyOf('pub-1'), keyOf('pub-2')].sort());
    expect(order?.peers.every(({ endpoint }) => endpoint !== undefined)).toBe(true);
    expect(order?.peers.flatMap(({ allowed }) => allowed).sort()).toEqual(
      ['b', 'pub-1', 'pub-2'].map((id) => mesh.address(id)).sort(),
    );
  });

  it('says so where two behind NAT have no public node between them', () => {
    const mesh = new SimulatedMesh({ public: [], behindNat: ['a', 'b'] });
    expect(wayOf(mesh.plan(), 'a', 'b')).toEqual({ kind: 'none' });
  });

  it('spreads pairs over the public nodes', () => {
    const behindNat = Array.from({ length: 20 }, (_, i) => `n${i}`);
    const mesh = new SimulatedMesh({ public: ['p', 'q', 'r'], behindNat, isHard: true });
    mesh.settle();
    const by = mesh.plan().paths.flatMap(({ way }) => (way.kind === 'relay' ? way.by : []));
    for (const relay of ['p', 'q', 'r']) expect(by.filter((each) => each === relay).length).toBeGreaterThan(20);
  });

  it('moves pairs to another relay when theirs is lost, and leaves the others where they are', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a', 'b', 'c', 'd'], isHard: true });
    mesh.settle();
    const before = mesh.plan().paths;
    mesh.turnOff('p');
    mesh.settle();
    for (const { a, b, way } of before.filter((path) => path.way.kind === 'relay')) {
      expect(wayOf(mesh.plan(), a, b)).toEqual({ kind: 'relay', by: 'q' });
      if (way.kind === 'relay' && way.by === 'p') expect(mesh.arrives(a, b)).toBe(true);
    }
  });

  it('changes nothing of ends that cannot be told', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a', 'b'], isHard: true });
    mesh.settle();
    const before = wayOf(mesh.plan(), 'a', 'b');
    mesh.silence('a');
    mesh.block('b', before?.kind === 'relay' ? before.by : '');
    mesh.settle();
    expect(wayOf(mesh.plan(), 'a', 'b')).toEqual(before);
  });

  it('goes round a public node that one node does not reach', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a'] });
    mesh.block('a', 'p');
    mesh.settle();
    expect(wayOf(mesh.plan(), 'a', 'p')).toEqual({ kind: 'relay', by: 'q' });
    expect(mesh.arrives('a', 'p')).toBe(true);
  });

  it('takes the direct way of two behind NAT once both hear each other, on both ends', () => {
    const mesh = new SimulatedMesh({ public: ['p'], behindNat: ['a', 'b'] });
    mesh.settle();
    expect(wayOf(mesh.plan(), 'a', 'b')).toEqual({ kind: 'direct' });
    expect(mesh.arrives('a', 'b') && mesh.arrives('b', 'a')).toBe(true);
    mesh.block('a', 'b');
    mesh.settle();
    expect(wayOf(mesh.plan(), 'a', 'b')).toEqual({ kind: 'relay', by: 'p' });
    expect(mesh.arrives('a', 'b') && mesh.arrives('b', 'a')).toBe(true);
  });

  it('moves no traffic for a probe', () => {
    const mesh = new SimulatedMesh({ public: ['p'], behindNat: ['a', 'b'], isHard: true });
    mesh.settle();
    const probe = mesh
      .plan()
      .orders.get('a')
      ?.peers.find(({ key }) => key === keyOf('b'));
    expect(probe).toMatchObject({ allowed: [] });
    expect(probe?.endpoint).toBeDefined();
    expect(mesh.arrives('a', 'b')).toBe(true);
  });

  it('looks for neighbours behind the same router at their own addresses', () => {
    const mesh = new SimulatedMesh({ public: ['p'], behindNat: ['a', 'b'], isHard: true, isOneSite: true });
    mesh.settle();
    const probe = mesh
      .plan()
      .orders.get('a')
      ?.peers.find(({ key }) => key === keyOf('b'));
    expect(probe?.endpoint).toMatch(/^192\.168\./);
  });

  it('forgets the key of a member that is gone everywhere', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a', 'b', 'c'] });
    mesh.settle();
    mesh.remove('b');
    const text = JSON.stringify([...mesh.plan().orders]);
    expect(text).not.toContain(keyOf('b'));
    expect(text).not.toContain(`"${mesh.address('b')}"`);
  });

  it('gives equal orders for equal situations', () => {
    const names = { public: ['p', 'q'], behindNat: ['a', 'b', 'c'] };
    const [one, two] = [new SimulatedMesh(names), new SimulatedMesh(names)];
    for (const mesh of [one, two]) mesh.settle();
    expect(one.plan()).toEqual(two.plan());
  });
});

const FAULTS = fc.array(
  fc.record({ from: fc.nat(9), to: fc.nat(9), kind: fc.constantFrom('block', 'off', 'silent', 'heal') }),
  { maxLength: 12 },
);

describe('planMesh, whatever fails', () => {
  const shapes = fc.record({
    publics: fc.integer({ min: 1, max: 4 }),
    others: fc.integer({ min: 1, max: 6 }),
    isHard: fc.boolean(),
    faults: FAULTS,
  });

  it('gives each address to one peer, the same way to both ends, and lets all reach each other that can', () => {
    fc.assert(
      fc.property(shapes, ({ publics, others, isHard, faults }) => {
        const names = {
          public: Array.from({ length: publics }, (_, i) => `p${i}`),
          behindNat: Array.from({ length: others }, (_, i) => `n${i}`),
          isHard,
        };
        const mesh = new SimulatedMesh(names);
        mesh.settle();
        for (const fault of faults) {
          mesh.fail(fault);
          mesh.settle();
          for (const order of mesh.plan().orders.values()) {
            const given = order.peers.flatMap(({ allowed }) => allowed);
            expect(new Set(given).size).toBe(given.length);
            expect(given).not.toContain(order.address);
          }
        }
        mesh.healAll();
        mesh.settle();
        for (const { a, b } of mesh.plan().paths) {
          expect(mesh.arrives(a, b), `${a} -> ${b}`).toBe(true);
          expect(mesh.arrives(b, a), `${b} -> ${a}`).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('lets a node that reaches one relay reach all that reach it, too', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(5), fc.nat(2)), { maxLength: 8 }), (blocks) => {
        const mesh = new SimulatedMesh({
          public: ['p0', 'p1', 'p2'],
          behindNat: ['n0', 'n1', 'n2', 'n3', 'n4', 'n5'],
          isHard: true,
        });
        for (const [node, relay] of blocks) mesh.block(`n${node}`, `p${relay}`);
        mesh.settle();
        for (const { a, b } of mesh.plan().paths) {
          const shared = mesh.publics.some((relay) => mesh.hears(a, relay) && mesh.hears(b, relay));
          if (shared || mesh.hears(a, b)) expect(mesh.arrives(a, b) && mesh.arrives(b, a), `${a} - ${b}`).toBe(true);
        }
      }),
      { numRuns: 20 },
    );
  });
});
