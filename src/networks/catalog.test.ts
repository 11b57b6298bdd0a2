import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { modelNode } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { silentLogger } from '../common/logger.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { NetworkCatalog } from './catalog.ts';
import { NetworkRecords } from './network-records.ts';

const SPANNING = 'k3xw0v3m9y8q7r6s5t4u3v2w1';
const web: NetworkSummary = { Id: SPANNING, Name: 'web', Driver: 'overlay', Scope: 'swarm' };
const ingress: NetworkSummary = { ...web, Id: 'a'.repeat(25), Name: 'ingress', Ingress: true };
const bridge: NetworkSummary = { Id: 'b'.repeat(64), Name: 'bridge', Driver: 'bridge', Scope: 'local' };

const open: NetworkCatalog[] = [];
afterEach(() => Promise.all(open.splice(0).map((catalog) => catalog.close())));

async function world(): Promise<{ cluster: Cluster; node: Node; catalog: NetworkCatalog; activations: () => number }> {
  const clock = new FakeClock();
  const logger = silentLogger();
  const cluster = new Cluster({ clock, logger });
  const node = modelNode('one');
  cluster.addNode(node);
  let activations = 0;
  const substrate = {
    activate: () => {
      activations += 1;
    },
    subscribe: () => () => undefined,
    status: { managers: [], swarmId: undefined },
  } as unknown as Substrate;
  const records = await NetworkRecords.open(memoryRecords());
  const catalog = new NetworkCatalog({ cluster, records, substrate, clock, logger }, () => undefined);
  open.push(catalog);
  return { cluster, node, catalog, activations: () => activations };
}

test('cluster networks that are there already wake the substrate, without anybody asking for them', async () => {
  const { cluster, node, activations } = await world();
  cluster.replaceNetworks(node, [bridge, ingress]);
  expect(activations()).toBe(0);
  cluster.replaceNetworks(node, [bridge, ingress, web]);
  expect(activations()).toBe(1);
});

test('looking changes nothing', async () => {
  const { cluster, node, catalog, activations } = await world();
  cluster.replaceNetworks(node, [bridge, web]);
  const woken = activations();
  expect(catalog.view()).toBe(catalog.view());
  expect(catalog.find('web')?.kind).toBe('cluster');
  expect(() => catalog.get('nosuch')).toThrow('network nosuch not found');
  expect(activations()).toBe(woken);
});

test('an engine is asked for a cluster network by name, unless it still lists a removed one of that name', async () => {
  const { cluster, node, catalog } = await world();
  cluster.replaceNetworks(node, [bridge, web]);
  expect(catalog.referenceOn(node, catalog.get('web'))).toBe('web');
  expect(catalog.referenceOn(node, catalog.get('bridge'))).toBe('bridge');
  const current = catalog.get('web');
  cluster.replaceNetworks(node, [bridge, web, { ...web, Id: 'c'.repeat(25) }]);
  expect(catalog.referenceOn(node, current)).toBe(SPANNING);
});

test('a scope that is not the network’s finds nothing', async () => {
  const { cluster, node, catalog } = await world();
  cluster.replaceNetworks(node, [bridge]);
  expect(catalog.get('bridge', 'local').name).toBe('bridge');
  expect(() => catalog.get('bridge', 'swarm')).toThrow('network bridge not found');
});
