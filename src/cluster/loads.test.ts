import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { ROLE_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import { Cluster } from './cluster.ts';
import { Node } from './node.ts';
import type { PendingPlacement } from './placements.ts';

const aNode = fc.nat(20);
const aStep = fc.oneof(
  fc.record({ do: fc.constant('add' as const), cpus: fc.integer({ min: 1, max: 8 }) }),
  fc.record({ do: fc.constant('remove' as const), node: aNode }),
  fc.record({ do: fc.constant('resize' as const), node: aNode, cpus: fc.integer({ min: 1, max: 8 }) }),
  fc.record({
    do: fc.constant('list' as const),
    node: aNode,
    ids: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 }),
    ofSwarm: fc.boolean(),
  }),
  fc.record({ do: fc.constant('place' as const), node: aNode, memory: fc.constantFrom(0, 1024, 4096) }),
  fc.record({ do: fc.constant('settle' as const), which: fc.nat(3), id: fc.constantFrom('a', 'b', 'x') }),
  fc.record({ do: fc.constant('release' as const), which: fc.nat(3) }),
);

test('after any history the table of loads says what the nodes say', () => {
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 80 }), (steps) => {
      const cluster = new Cluster({ clock: new FakeClock(), logger: silentLogger() });
      const placements: PendingPlacement[] = [];
      let added = 0;
      const nodeAt = (at: number): Node | undefined => cluster.nodes[at % Math.max(1, cluster.nodes.length)];
      const setCpus = (node: Node, name: string, NCPU: number): void =>
        cluster.setInfo(node, engineInfo(name, `id-of-${name}`, { NCPU }));
      for (const step of steps) {
        if (step.do === 'add') {
          added += 1;
          const node = new Node(`n${added}:2375`, new EngineClient(nowhere()), '10.0.0.9');
          cluster.addNode(node);
          setCpus(node, `n${added}`, step.cpus);
        } else if (step.do === 'settle' || step.do === 'release') {
          const [placement] = placements.splice(step.which, 1);
          if (step.do === 'settle') placement?.settle(step.id.padEnd(64, '0'));
          else placement?.release();
        } else {
          const node = nodeAt(step.node);
          if (!node) continue;
          const labels = (ofSwarm: boolean): Record<string, string> => (ofSwarm ? { [ROLE_LABEL]: 'agent' } : {});
          if (step.do === 'remove') cluster.removeNode(node);
          else if (step.do === 'resize') setCpus(node, node.name, step.cpus);
          else if (step.do === 'place') {
            const { request } = parsePlacement({ HostConfig: { Memory: step.memory, NanoCpus: 5e8 } });
            placements.push(cluster.beginPlacement(node, request, {}));
          } else {
            const summaries = step.ids.map((id) => containerSummary(id, { Labels: labels(step.ofSwarm) }));
            cluster.replaceContainers(node, summaries);
          }
        }
      }
      const { loads, nodes } = cluster;
      expect(loads.length).toBe(nodes.length);
      expect(loads.largestNanoCpus()).toBe(Math.max(0, ...nodes.map(({ totalNanoCpus }) => totalNanoCpus)));
      const rows = nodes.map((_, row) => [
        loads.containerCount(row),
        loads.memoryShare(row, 512),
        loads.cpuShare(row, 1e9),
      ]);
      const own = nodes.map((node) => [
        node.containerCount,
        (node.reservedMemoryBytes + 512) / node.totalMemoryBytes,
        (node.reservedNanoCpus + 1e9) / node.totalNanoCpus,
      ]);
      expect(rows).toEqual(own);
    }),
  );
});
