import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { EngineClient } from '../engine/client.ts';
import type { ContainerSummary, NetworkSummary } from '../engine/types.ts';
import { Cluster } from './cluster.ts';
import { NetworkNames, predefinedId, shownContainer } from './network-names.ts';
import { Node } from './node.ts';

const NAMED: NetworkSummary = {
  ...{ Id: 'n1', Name: 'enxame-1', Driver: 'overlay', Scope: 'swarm' },
  Labels: { 'io.enxame.asked': '{"Name":"my.net"}' },
};

function summary(
  mode: string,
  networks: Readonly<Record<string, string>>,
  labels?: Record<string, string>,
): ContainerSummary {
  const Networks = Object.fromEntries(Object.entries(networks).map(([name, NetworkID]) => [name, { NetworkID }]));
  return {
    ...{
      Id: 'c'.repeat(64),
      Names: ['/c'],
      Image: 'i',
      ImageID: 'i',
      Created: 1,
      State: 'running',
      Status: 'Up 2 hours',
    },
    ...(labels && { Labels: labels }),
    HostConfig: { NetworkMode: mode },
    NetworkSettings: { Networks },
  };
}

describe('shownContainer', () => {
  const names = new NetworkNames();
  names.learn(NAMED);

  test.each([
    {
      name: 'the own ID of a predefined network',
      listed: summary('default', { bridge: 'own' }),
      shown: summary('default', { bridge: predefinedId('bridge') ?? '' }),
    },
    {
      name: 'a network that engines know under another name',
      listed: summary('enxame-1', { 'enxame-1': 'n1', web: 'w' }),
      shown: summary('my.net', { 'my.net': 'n1', web: 'w' }),
    },
    {
      name: 'a network mode that was asked for',
      listed: summary('bridge', { web: 'w' }, { a: 'b', 'io.enxame.network-mode': 'web' }),
      shown: summary('web', { web: 'w' }, { a: 'b' }),
    },
    {
      name: 'a mode that an image made of such a container must not hand on',
      listed: summary('back', { back: 'b' }, { 'io.enxame.network-mode': '' }),
      shown: summary('back', { back: 'b' }, {}),
    },
    {
      name: 'a predefined network of a container that did not run yet',
      listed: summary('none', { none: '' }),
      shown: summary('none', { none: '' }),
    },
  ])('$name', ({ listed, shown }) => {
    expect(shownContainer(listed, names)).toEqual(shown);
  });

  test('what needs no other name stays as it is', () => {
    const listed = summary('web', { web: 'w' }, { a: 'b' });
    expect(shownContainer(listed, names)).toEqual(listed);
  });
});

test('only a network of the whole cluster has two names', () => {
  const names = new NetworkNames();
  expect(names.learn({ ...NAMED, Scope: 'local' })).toBe(false);
  expect(names.shown('enxame-1')).toBe('enxame-1');
  expect(names.learn(NAMED)).toBe(true);
  expect(names.learn(NAMED)).toBe(false);
  expect(names.shown('enxame-1')).toBe('my.net');
});

test('containers that were listed before their network’s name was known are listed again', () => {
  const cluster = new Cluster({ clock: new FakeClock(), logger: silentLogger() });
  const node = new Node('tcp://a:1', {} as EngineClient, 'a');
  const listed = summary('enxame-1', { 'enxame-1': 'n1' });
  node.refreshContainers = async (ids) => cluster.updateContainers(node, ids, [listed]);
  cluster.addNode(node);
  cluster.replaceContainers(node, [listed]);
  const networks = (): string[] => Object.keys([...cluster.containerList][0]?.entry().NetworkSettings?.Networks ?? {});
  expect(networks()).toEqual(['enxame-1']);
  cluster.replaceNetworks(node, [NAMED]);
  expect(networks()).toEqual(['my.net']);
});
