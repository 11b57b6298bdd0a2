import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FixtureNode, NodeSpec } from '../../test/fakes/fixture-cluster.ts';
import { FixtureCluster, seeded } from '../../test/fakes/fixture-cluster.ts';
import { schedulerOptions } from './scheduler.ts';

/** Small numbers on purpose: collisions, full nodes and ties are what must go right. */
const MIB = 2 ** 20;
const OVERCOMMIT = 0.05;

const node: fc.Arbitrary<Omit<NodeSpec, 'name'>> = fc.record(
  {
    isHealthy: fc.constantFrom(true, true, true, false),
    memoryBytes: fc.integer({ min: 1, max: 6 }).map((n) => n * 100 * MIB),
    cpus: fc.integer({ min: 1, max: 4 }),
    labels: fc.record({ disk: fc.constantFrom('ssd', 'hdd'), containerslots: fc.constantFrom('1', '3', '9') }),
  },
  { requiredKeys: ['isHealthy', 'memoryBytes', 'cpus'] },
);

/** A create request in the tests' own words, so that it can be judged without the scheduler's code. */
const order = fc.record({
  memoryMib: fc.constantFrom(0, 50, 100, 210, 1000),
  cpus: fc.constantFrom(0, 0.5, 1, 2.1, 8),
  port: fc.constantFrom(0, 80, 81),
  protocol: fc.constantFrom('tcp', 'udp'),
  disk: fc.constantFrom('', '==ssd', '!=ssd', '==~ssd', '!=~hdd'),
  away: fc.constantFrom('', '!=job0', '==job0', '==~job1', '!=~job1'),
});

type Order = typeof order extends fc.Arbitrary<infer T> ? T : never;

const scenario = fc.record({
  specs: fc.array(node, { maxLength: 6 }).map((specs) => specs.map((spec, i) => ({ ...spec, name: `n${i}` }))),
  orders: fc.array(order, { minLength: 1, maxLength: 14 }),
  strategy: fc.constantFrom('spread', 'binpack', 'random', 'cheapest'),
  seed: fc.nat(),
});

describe('for any cluster and any sequence of requests', () => {
  it('a chosen node passes a naive check and a refusal means that none does', () => {
    fc.assert(
      fc.property(scenario, ({ specs, orders, strategy, seed }) => {
        const world = new World(specs);
        for (const [i, wanted] of orders.entries()) {
          const able = world.able(wanted);
          const placement = world.cluster.run(bodyOf(wanted), `job${i}`, { strategy, random: seeded(seed + i) });
          if (placement.kind === 'placed') {
            expect(able).toContain(placement.node.name);
            world.record(placement.node.name, `job${i}`, wanted);
          } else expect(able).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('as few soft expressions as possible are given up', () => {
    fc.assert(
      fc.property(scenario, ({ specs, orders, strategy, seed }) => {
        const world = new World(specs);
        for (const [i, wanted] of orders.entries()) {
          const fewest = Math.min(...world.able(wanted).map((name) => world.missed(name, wanted)));
          const placement = world.cluster.run(bodyOf(wanted), `job${i}`, { strategy, random: seeded(seed + i) });
          if (placement.kind === 'refused') continue;
          expect(placement.dropped.length).toBe(fewest);
          expect(world.missed(placement.node.name, wanted)).toBe(fewest);
          world.record(placement.node.name, `job${i}`, wanted);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('capacity is never exceeded and spread keeps equal nodes within one container', () => {
    fc.assert(
      fc.property(scenario, fc.integer({ min: 1, max: 6 }), ({ specs, orders, strategy, seed }, equals) => {
        const world = new World(specs);
        for (const [i, wanted] of orders.entries()) {
          world.cluster.run(bodyOf(wanted), `job${i}`, { strategy, random: seeded(seed + i) });
        }
        for (const { ledger, totalMemoryBytes, totalNanoCpus } of world.cluster.nodes) {
          expect(ledger.memoryBytes).toBeLessThanOrEqual(totalMemoryBytes * (1 + OVERCOMMIT));
          expect(ledger.nanoCpus).toBeLessThanOrEqual(totalNanoCpus * (1 + OVERCOMMIT));
        }
        const same = new FixtureCluster(Array.from({ length: equals }, (_, i) => ({ name: `e${i}` })));
        for (const i of orders.keys()) same.run({ Image: 'redis' }, `job${i}`);
        const counts = same.nodes.map(({ containerCount }) => containerCount);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('the same seed gives the same placements', () => {
    fc.assert(
      fc.property(scenario, ({ specs, orders, strategy, seed }) => {
        const run = (): string[] => {
          const cluster = new FixtureCluster(specs);
          const random = seeded(seed);
          return orders.map((wanted, i) => {
            const placement = cluster.run(bodyOf(wanted), `job${i}`, { strategy, random });
            return placement.kind === 'placed' ? placement.node.name : placement.message;
          });
        };
        expect(run()).toEqual(run());
      }),
    );
  });

  it('the counts of a refusal add up to the number of nodes, most frequent first', () => {
    fc.assert(
      fc.property(scenario, ({ specs, orders }) => {
        const cluster = new FixtureCluster(specs);
        for (const [i, wanted] of orders.entries()) {
          const placement = cluster.run(bodyOf(wanted), `job${i}`);
          if (placement.kind === 'placed') continue;
          const counts = placement.reasons.map(({ nodes }) => nodes);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(specs.length);
          expect(counts).toEqual(counts.toSorted((a, b) => b - a));
          expect(placement.reasons.every(({ explanation }) => explanation.length > 0)).toBe(true);
          expect(placement.message).not.toContain('\n');
        }
      }),
    );
  });
});

it('the options of the tests are the defaults of the scheduler', () => {
  expect(schedulerOptions()).toMatchObject({ overcommit: OVERCOMMIT, strategy: { name: 'spread' } });
});

/** The cluster, and a second account of it kept as simply as can be. */
class World {
  readonly cluster: FixtureCluster;
  readonly #placed: { readonly node: string; readonly name: string; readonly order: Order }[] = [];

  constructor(specs: readonly NodeSpec[]) {
    this.cluster = new FixtureCluster(specs);
  }

  record(node: string, name: string, order: Order): void {
    this.#placed.push({ node, name, order });
  }

  /** Names of the nodes that may take it. */
  able(wanted: Order): string[] {
    return this.cluster.nodes.filter((candidate) => this.#isAble(candidate, wanted)).map(({ name }) => name);
  }

  /** How many of its soft expressions a node does not meet. */
  missed(node: string, { disk, away }: Order): number {
    const softs = [disk, away].map((text) => (text.includes('~') ? text.replace('~', '') : ''));
    const [softDisk = '', softAway = ''] = softs;
    return Number(!this.#meetsDisk(node, softDisk)) + Number(!this.#meetsAway(node, softAway));
  }

  #isAble(candidate: FixtureNode, wanted: Order): boolean {
    const here = this.#placed.filter(({ node }) => node === candidate.name).map(({ order }) => order);
    const memory = here.reduce((sum, { memoryMib }) => sum + memoryMib, 0) + wanted.memoryMib;
    const cpus = here.reduce((sum, order) => sum + order.cpus, 0) + wanted.cpus;
    const slots = Number(candidate.labels.get('containerslots') ?? Number.POSITIVE_INFINITY);
    return (
      candidate.isHealthy &&
      here.length < slots &&
      !here.some(({ port, protocol }) => port !== 0 && port === wanted.port && protocol === wanted.protocol) &&
      (wanted.memoryMib === 0 || memory <= (candidate.totalMemoryBytes / MIB) * (1 + OVERCOMMIT)) &&
      (wanted.cpus === 0 || cpus <= (candidate.totalNanoCpus / 1e9) * (1 + OVERCOMMIT) + 1e-9) &&
      (wanted.disk.includes('~') || this.#meetsDisk(candidate.name, wanted.disk)) &&
      (wanted.away.includes('~') || this.#meetsAway(candidate.name, wanted.away))
    );
  }

  #meetsDisk(node: string, text: string): boolean {
    if (text === '') return true;
    const isEqual = this.cluster.node(node).labels.get('disk') === text.slice(2);
    return text.startsWith('==') ? isEqual : !isEqual;
  }

  #meetsAway(node: string, text: string): boolean {
    if (text === '') return true;
    const isHere = this.#placed.some((entry) => entry.node === node && entry.name === text.slice(2));
    return text.startsWith('==') ? isHere : !isHere;
  }
}

function bodyOf({ memoryMib, cpus, port, protocol, disk, away }: Order): unknown {
  return {
    Env: [...(disk === '' ? [] : [`constraint:disk${disk}`]), ...(away === '' ? [] : [`affinity:container${away}`])],
    HostConfig: {
      Memory: memoryMib * MIB,
      NanoCpus: cpus * 1e9,
      PortBindings: port === 0 ? {} : { [`80/${protocol}`]: [{ HostPort: String(port) }] },
    },
  };
}
