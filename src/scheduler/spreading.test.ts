import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  FixtureCluster,
  type FixtureNode,
  type NodeSpec,
  outcomeOf,
  seeded,
} from '../../test/fakes/fixture-cluster.ts';
import { parsePlacement } from './placement.ts';
import { NOTHING } from './reservation.ts';

const WEB = { 'io.enxame.group': 'web' };
const STRATEGIES = ['spread', 'binpack', 'random'] as const;

/** `aws/eu/a aws/eu/a hetzner`: nodes n0, n1, … with provider, region and zone. */
function nodesAt(places: string): NodeSpec[] {
  return places.split(' ').map((place, i) => {
    const [provider, region, zone] = place.split('/');
    const labels = { ...(provider && { provider }), ...(region && { region }), ...(zone && { zone }) };
    return { name: `n${i}`, labels };
  });
}

function runWebs(cluster: FixtureCluster, count: number, body: object = {}, strategy = 'spread'): string[] {
  const random = seeded(1);
  return Array.from({ length: count }, (_, i) =>
    outcomeOf(cluster.run({ Image: 'web', Labels: WEB, ...body }, `web-${i}`, { strategy, random })),
  );
}

describe('members of a group', () => {
  it('go to different providers first, then regions, zones and nodes', () => {
    const cluster = new FixtureCluster(nodesAt('aws/eu/a aws/eu/a aws/eu/b aws/us/a hetzner/eu/a hetzner/eu/a'));
    expect(runWebs(cluster, 8)).toEqual(['n0', 'n4', 'n3', 'n5', 'n2', 'n4', 'n3', 'n5']);
  });

  it('go to different nodes where no engine has a label', () => {
    const cluster = new FixtureCluster([{ name: 'large', memoryBytes: 2 ** 40 }, { name: 'small' }]);
    expect(runWebs(cluster, 4, { HostConfig: { Memory: 2 ** 20 } })).toEqual(['large', 'small', 'large', 'small']);
  });

  it('of equally few members the strategy chooses', () => {
    const cluster = new FixtureCluster(nodesAt('a b b'));
    cluster.add('n1', 'busy', NOTHING);
    expect(runWebs(cluster, 2)).toEqual(['n0', 'n2']);
  });

  it('a zone of the same name elsewhere is another one, and nodes without a label share a domain', () => {
    const cluster = new FixtureCluster(nodesAt('aws/eu/a aws/us/a aws/us/b aws aws'));
    cluster.add('n0', 'web', NOTHING, WEB);
    cluster.add('n3', 'web', NOTHING, WEB);
    expect(runWebs(cluster, 3)).toEqual(['n1', 'n2', 'n4']);
  });

  it.each([
    ['binpack', ['n0', 'n2', 'n0', 'n2']],
    ['spread', ['n0', 'n2', 'n1', 'n3']],
  ])('%s in two regions of two nodes', (strategy, expected) => {
    const cluster = new FixtureCluster(nodesAt('x/a x/a x/b x/b'));
    expect(runWebs(cluster, 4, {}, strategy)).toEqual(expected);
  });

  it.each(['binpack', 'random'])('%s does not spread over the nodes of a domain', (strategy) => {
    const placed = runWebs(new FixtureCluster(nodesAt('x x x x x x')), 6, {}, strategy);
    expect(new Set(placed).size).toBeLessThan(6);
  });

  it.each([
    ['a constraint', { Env: ['constraint:node==n0'] }],
    ['a soft constraint', { Env: ['constraint:node==~n0'] }],
    ['an affinity', { Env: ['affinity:container==first'] }],
    ['a whitelist', { Env: ['whitelist:node==n0'] }],
    ['a tie', { HostConfig: { VolumesFrom: ['first'] } }],
    ['memory', { HostConfig: { Memory: 2 ** 33 } }],
    ['a port', { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } }],
  ])('%s comes before the spread', (_, body) => {
    const cluster = new FixtureCluster([
      { name: 'n0', labels: { zone: 'a' }, memoryBytes: 2 ** 34 },
      { name: 'n1', labels: { zone: 'b' } },
    ]);
    cluster.add('n0', 'first', NOTHING, WEB);
    cluster.add('n0', 'second', NOTHING, WEB);
    cluster.add('n1', 'http', { ...NOTHING, ports: [{ protocol: 'tcp', ip: '', port: 80 }] });
    expect(runWebs(cluster, 1, body)).toEqual(['n0']);
  });

  it('what a container replaces does not count against it', () => {
    const cluster = new FixtureCluster(nodesAt('a b'));
    cluster.add('n0', 'old', NOTHING, WEB);
    cluster.add('n1', 'other', NOTHING, WEB);
    cluster.add('n1', 'unrelated', NOTHING);
    const { request } = parsePlacement({ Labels: WEB });
    const old = cluster.findContainers('old').map(({ id }) => id);
    const unrelated = cluster.findContainers('unrelated').map(({ id }) => id);
    cluster.add('n0', 'busy-1', NOTHING);
    cluster.add('n0', 'busy-2', NOTHING);
    expect(outcomeOf(cluster.place(request, 'x', {}))).toBe('n1');
    expect(outcomeOf(cluster.place({ ...request, replaces: new Set([...old, ...unrelated]) }, 'y'))).toBe('n0');
  });

  it('other labels than provider, region and zone can be named, and none', () => {
    const racks: NodeSpec[] = [
      { name: 'n0', labels: { rack: '1' } },
      { name: 'n1', labels: { rack: '1' } },
      { name: 'n2', labels: { rack: '2' } },
    ];
    expect(runWebs(new FixtureCluster(racks, ['rack']), 4)).toEqual(['n0', 'n2', 'n1', 'n2']);
    const off = new FixtureCluster(racks, []);
    off.add('n0', 'web', { ...NOTHING, memoryBytes: 2 ** 20 }, WEB);
    off.add('n1', 'db', { ...NOTHING, memoryBytes: 2 ** 21 });
    off.add('n2', 'db', { ...NOTHING, memoryBytes: 2 ** 21 });
    expect(runWebs(off, 1, { HostConfig: { Memory: 2 ** 20 } })).toEqual(['n0']);
  });
});

const place = fc
  .tuple(fc.constantFrom('aws', 'hetzner', ''), fc.constantFrom('eu', 'us', ''), fc.constantFrom('a', 'b', ''))
  .map((parts) => parts.join('/'));
const places = fc.array(place, { minLength: 1, maxLength: 12 }).map((each) => each.join(' '));

/** How many containers each domain at `depth` inside `outer` has. */
function countsIn(nodes: readonly FixtureNode[], outer: readonly string[], depth: number): number[] {
  const counts = new Map<string, number>();
  for (const node of nodes) {
    const path = ['provider', 'region', 'zone'].map((label) => node.labels.get(label) ?? '');
    if (depth === 3) path.push(node.name);
    if (outer.some((value, i) => path[i] !== value)) continue;
    const domain = path[depth] ?? '';
    counts.set(domain, (counts.get(domain) ?? 0) + node.containerCount);
  }
  return [...counts.values()];
}

function expectEven(nodes: readonly FixtureNode[], depth: number): void {
  for (const node of nodes) {
    const outer = ['provider', 'region', 'zone'].slice(0, depth).map((label) => node.labels.get(label) ?? '');
    const counts = countsIn(nodes, outer, depth);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
  }
}

describe('for any domains that all can take them', () => {
  it('the counts of replicas differ by at most one, at every level', () => {
    fc.assert(
      fc.property(places, fc.integer({ max: 40, min: 0 }), fc.constantFrom(...STRATEGIES), (where, count, strategy) => {
        const cluster = new FixtureCluster(nodesAt(where));
        runWebs(cluster, count, {}, strategy);
        const levels = strategy === 'spread' ? 4 : 3;
        for (let depth = 0; depth < levels; depth++) expectEven(cluster.nodes, depth);
      }),
    );
  });

  it('no node that may take a replica is in a domain with fewer of them', () => {
    fc.assert(
      fc.property(places, fc.array(fc.nat(11), { maxLength: 20 }), fc.func(fc.boolean()), (where, before, isUp) => {
        const specs = nodesAt(where).map((spec) => ({ ...spec, isHealthy: isUp(spec.name) }));
        const cluster = new FixtureCluster(specs);
        for (const [i, at] of before.entries()) cluster.add(`n${at % specs.length}`, `w${i}`, NOTHING, WEB);
        const crowd = (node: FixtureNode): number[] =>
          [1, 2, 3, 4].map((depth) => {
            const path = (each: FixtureNode): string =>
              [...['provider', 'region', 'zone'].map((label) => each.labels.get(label) ?? ''), each.name]
                .slice(0, depth)
                .join('/');
            const near = cluster.nodes.filter((each) => path(each) === path(node));
            return near.reduce((sum, { containerCount }) => sum + containerCount, 0);
          });
        const compare = (a: readonly number[], b: readonly number[]): number =>
          a.map((count, i) => count - (b[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
        const healthy = cluster.nodes.filter(({ isHealthy }) => isHealthy);
        const crowds = new Map(healthy.map((node) => [node.name, crowd(node)]));
        const chosen = crowds.get(runWebs(cluster, 1)[0] ?? '');
        if (healthy.length === 0) expect(chosen).toBeUndefined();
        for (const each of crowds.values()) expect(compare(chosen ?? [], each)).toBeLessThanOrEqual(0);
      }),
    );
  });
});
