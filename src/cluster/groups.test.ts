import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import { groupOf } from '../scheduler/groups.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import { Cluster } from './cluster.ts';
import { IDENTITY_LABEL } from './listed-container.ts';
import { Node } from './node.ts';
import type { PendingPlacement } from './placements.ts';

const GROUPS = ['web', 'db'].map((name) => ({ 'io.enxame.group': name }));
const someLabels = fc.constantFrom<Readonly<Record<string, string>>>({}, ...GROUPS);
const someNode = fc.nat(9);
const place = fc.record({ region: fc.constantFrom('', 'eu', 'us'), zone: fc.constantFrom('', 'a', 'b') });
const ID = ['a', 'b', 'c', 'd'].map((id) => id.padEnd(64, '0'));

const step = fc.oneof(
  fc.record({ do: fc.constant('add' as const), place }),
  fc.record({ do: fc.constant('remove' as const), node: someNode }),
  fc.record({ do: fc.constant('label' as const), node: someNode, place }),
  fc.record({ do: fc.constant('operator labels' as const), node: someNode, zone: fc.constantFrom('a', 'c') }),
  fc.record({ do: fc.constant('replace engine' as const), node: someNode, place }),
  fc.record({
    do: fc.constant('list' as const),
    node: someNode,
    held: fc.uniqueArray(fc.record({ id: fc.constantFrom(...ID), labels: someLabels, claims: fc.boolean() }), {
      selector: ({ id }) => id,
      maxLength: 4,
    }),
  }),
  fc.record({ do: fc.constant('place' as const), node: someNode, labels: someLabels }),
  fc.record({ do: fc.constant('settle' as const), which: fc.nat(3), id: fc.constantFrom(...ID) }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat(3) }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A cluster with what is pending in it. */
class History {
  readonly cluster = new Cluster({ clock: new FakeClock(), logger: silentLogger() }, { spreadBy: ['region', 'zone'] });
  readonly pending: {
    readonly node: Node;
    readonly group: string | undefined;
    readonly placement: PendingPlacement;
  }[] = [];
  #made = 0;

  do(each: Step): void {
    const { cluster, pending } = this;
    if (each.do === 'add') {
      const node = new Node(`n${++this.#made}:2375`, new EngineClient(nowhere()), '10.0.0.9');
      cluster.addNode(node);
      return this.#tell(node, `id-${this.#made}`, each.place);
    }
    if (each.do === 'settle' || each.do === 'release') {
      const [ended] = pending.splice(each.which, 1);
      if (each.do === 'settle') ended?.placement.settle(each.id);
      ended?.placement.release();
      return;
    }
    const node = cluster.nodes[each.node % Math.max(1, cluster.nodes.length)];
    if (!node) return;
    if (each.do === 'remove') cluster.removeNode(node);
    else if (each.do === 'label') this.#tell(node, node.id, each.place);
    else if (each.do === 'operator labels') node.setChoices({ labels: { zone: each.zone }, availability: 'active' });
    else if (each.do === 'replace engine') this.#tell(node, `id-${++this.#made}`, each.place);
    else if (each.do === 'place') {
      const { request } = parsePlacement({ Labels: each.labels });
      const placement = cluster.beginPlacement(node, request, each.labels);
      pending.push({ node, group: groupOf(each.labels), placement });
    } else {
      const claim = (claims: boolean): Record<string, string> => (claims ? { [IDENTITY_LABEL]: ID[0] ?? '' } : {});
      cluster.replaceContainers(
        node,
        each.held.map(({ id, labels, claims }) => containerSummary(id, { Labels: { ...labels, ...claim(claims) } })),
      );
    }
  }

  #tell(node: Node, id: string, labels: Readonly<Record<string, string>>): void {
    const Labels = Object.entries(labels).flatMap(([key, value]) => (value === '' ? [] : [`${key}=${value}`]));
    this.cluster.setInfo(node, engineInfo(node.entry, id, { Labels }));
  }
}

/** Members of a group by row, counted anew; a pending placement goes with the ID that its node had. */
function counted(
  { cluster, pending }: History,
  heldIds: ReadonlyMap<PendingPlacement, string>,
  group: string,
  without: ReadonlySet<string>,
): (readonly [number, number])[] {
  return cluster.nodes.flatMap((node, row) => {
    const listed = [...node.containers.values()].filter(
      ({ id, labels }) => groupOf(labels) === group && !without.has(id),
    );
    const coming = pending.filter((each) => each.group === group && heldIds.get(each.placement) === node.id);
    const count = listed.length + coming.length;
    return count === 0 ? [] : [[row, count] as const];
  });
}

test('after any history the counts of groups and the domains are what a full recomputation gives', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const history = new History();
      const { cluster, pending } = history;
      const heldIds = new Map<PendingPlacement, string>();
      for (const each of steps) {
        history.do(each);
        for (const { node, placement } of pending) if (!heldIds.has(placement)) heldIds.set(placement, node.id);
      }
      const byRow = (rows: readonly (readonly [number, number])[]): (readonly [number, number])[] =>
        [...rows].sort(([a], [b]) => a - b);
      for (const labels of GROUPS) {
        const group = groupOf(labels) ?? '';
        for (const without of [new Set<string>(), new Set([ID[0] ?? '', ID[2] ?? ''])])
          expect(byRow(cluster.groupMembers(group, without))).toEqual(counted(history, heldIds, group, without));
      }
      const { domains, nodes } = cluster;
      expect(domains.length).toBe(nodes.length);
      const path = (node: Node, level: number): string =>
        ['region', 'zone']
          .map((label) => node.labels.get(label) ?? '')
          .slice(0, level + 1)
          .join('/');
      const names = new Map<number, string>();
      for (const level of [0, 1]) {
        for (const [row, node] of nodes.entries()) {
          const name = `${level} ${path(node, level)}`;
          const number = domains.domain(row, level);
          expect(names.get(number) ?? name).toBe(name);
          names.set(number, name);
        }
      }
      expect(new Set(names.values()).size).toBe(names.size);
      // Numbers of domains without a node are used again: at most as many as there ever were at one time.
      expect(domains.size).toBeLessThanOrEqual(2 * (steps.filter((each) => each.do === 'add').length + 1));
    }),
  );
});
