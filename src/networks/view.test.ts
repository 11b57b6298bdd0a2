import { describe, expect, test } from 'vitest';
import type { NetworkSummary } from '../engine/types.ts';
import { type HeldNetwork, NetworkView } from './view.ts';

const CLUSTER_ID = 'a'.repeat(25);
const hex = (digit: string): string => digit.repeat(64);

function summary(Id: string, Name: string, Driver: string, more: Partial<NetworkSummary> = {}): NetworkSummary {
  return { Id, Name, Driver, Scope: Driver === 'overlay' ? 'swarm' : 'local', ...more };
}

/** What nodes list: node name to networks. */
function held(nodes: Readonly<Record<string, readonly NetworkSummary[]>>): HeldNetwork<string>[] {
  const byId = new Map<string, Map<string, NetworkSummary>>();
  for (const [node, networks] of Object.entries(nodes)) {
    for (const network of networks) byId.set(network.Id, (byId.get(network.Id) ?? new Map()).set(node, network));
  }
  return [...byId].map(([key, holders]) => ({ key, holders }));
}

const web = summary(CLUSTER_ID, 'web', 'overlay');
const listed = held({
  one: [
    summary(hex('1'), 'bridge', 'bridge'),
    summary(hex('2'), 'docker_gwbridge', 'bridge'),
    summary('i'.repeat(25), 'ingress', 'overlay', { Ingress: true }),
    summary(hex('3'), 'local', 'bridge'),
    web,
  ],
  two: [
    summary(hex('4'), 'bridge', 'bridge'),
    summary(hex('5'), 'local', 'bridge'),
    summary('z'.repeat(25), 'removed', 'overlay'),
  ],
});
const view = new NetworkView(listed, new Map([[CLUSTER_ID, web]]), true);

describe('NetworkView', () => {
  test('shows cluster and predefined networks once, local ones each, substrate’s own never', () => {
    expect(view.all.map(({ name, kind, holders }) => [name, kind, holders])).toEqual([
      ['bridge', 'predefined', ['one', 'two']],
      ['local', 'local', ['one']],
      ['local', 'local', ['two']],
      ['web', 'cluster', ['one']],
    ]);
  });

  test('shows a predefined network under one ID, in whatever order nodes list', () => {
    const idOf = (held: typeof listed): string | undefined =>
      new NetworkView(held, new Map(), true).find('bridge')?.summary.Id;
    expect(idOf([...listed].reverse())).toBe(idOf(listed));
  });

  test('shows a predefined network under an ID that no node’s coming and going changes', () => {
    const alone = held({ three: [summary(hex('9'), 'bridge', 'bridge')] });
    expect(new NetworkView(alone, new Map(), true).get('bridge').id).toBe(view.get('bridge').id);
    expect(view.get('bridge').summary.Id).toBe(view.get('bridge').id);
  });

  test('shows a cluster network as it was asked for', () => {
    const asked = {
      Name: 'my.net',
      Driver: 'bridge',
      ConfigFrom: { Network: 'conf' },
      Subnets: [{ Subnet: '10.1.0.0/24', AuxiliaryAddresses: { host: '10.1.0.5' } }],
      Mtu: '1400',
    };
    const made = summary(CLUSTER_ID, 'enxame-1', 'overlay', {
      Labels: { 'io.enxame.asked': JSON.stringify(asked), tier: 'back' },
      Options: { 'com.docker.network.driver.overlay.vxlanid_list': '4097', 'com.docker.network.driver.mtu': '1450' },
      IPAM: { Driver: 'default', Config: [{ Subnet: '10.1.0.0/24', IPRange: '10.1.0.128/25', Gateway: '10.1.0.1' }] },
    });
    const view = new NetworkView(held({ one: [made] }), new Map([[CLUSTER_ID, made]]), true);
    expect(view.get('my.net').summary).toEqual({
      Id: CLUSTER_ID,
      Name: 'my.net',
      Driver: 'bridge',
      Scope: 'swarm',
      ConfigFrom: { Network: 'conf' },
      Labels: { tier: 'back' },
      Options: { 'com.docker.network.driver.mtu': '1400' },
      IPAM: {
        Driver: 'default',
        Config: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1', AuxiliaryAddresses: { host: '10.1.0.5' } }],
      },
    });
    expect(view.get('enxame-1').name).toBe('my.net');
  });

  test.each(['{', '[]', '{"Name":7}', '{"Subnets":"x"}'])(
    'a label that says nothing readable changes nothing: %s',
    (text) => {
      const made = summary(CLUSTER_ID, 'web', 'overlay', { Labels: { 'io.enxame.asked': text } });
      expect(new NetworkView(held({}), new Map([[CLUSTER_ID, made]]), true).get('web').summary).toMatchObject({
        Name: 'web',
        Driver: 'overlay',
      });
    },
  );

  test('goes by the engines while the substrate’s list is not known', () => {
    const names = new NetworkView(listed, new Map(), false).all.map(({ name }) => name);
    expect(names.sort()).toEqual(['bridge', 'local', 'local', 'removed', 'web']);
  });

  test.each([
    ['full ID', CLUSTER_ID, 'web'],
    ['name', 'web', 'web'],
    ['ID prefix', 'aaaa', 'web'],
    ['any node’s ID of a predefined one', hex('4'), 'bridge'],
  ])('finds by %s', (_, reference, name) => {
    expect(view.get(reference).name).toBe(name);
  });

  test('tells that each of several with one name is of a node', () => {
    expect(view.matching('local').found.map(({ kind }) => kind)).toEqual(['local', 'local']);
  });

  test.each([
    ['nope', 404, 'network nope not found'],
    ['', 404, 'network  not found'],
    ['local', 400, 'network local is ambiguous (2 matches found based on name)'],
  ])('refuses "%s" as an engine does', (reference, status, message) => {
    expect(() => view.get(reference)).toThrow(expect.objectContaining({ status, message }));
  });
});
