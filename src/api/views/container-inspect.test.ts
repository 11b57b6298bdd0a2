import { expect, test } from 'vitest';
import { Container } from '../../cluster/container.ts';
import { NetworkNames, predefinedId } from '../../cluster/network-names.ts';
import { Node } from '../../cluster/node.ts';
import type { EngineClient } from '../../engine/client.ts';
import { inspectView } from './container-inspect.ts';

const node = new Node('tcp://10.0.0.1:2375', {} as EngineClient, '10.0.0.1');
const summary = { Id: 'c1', Image: 'i', ImageID: 'i', Created: 1, State: 'running', Status: 'Up 2 hours' };
const container = new Container(node, summary, 0);
const names = new NetworkNames();
names.learn({ Id: 'n1', Name: 'enxame-1', Scope: 'swarm', Labels: { 'io.enxame.asked': '{"Name":"my.net"}' } });

const everywhere = [
  { HostIp: '0.0.0.0', HostPort: '80' },
  { HostIp: '::', HostPort: '80' },
];
const settings = { Bridge: '', Ports: { '80/tcp': everywhere, '81/tcp': null }, Networks: { a: { MacAddress: 'x' } } };
const shown = { ...settings, Ports: { '80/tcp': [{ HostIp: '10.0.0.1', HostPort: '80' }], '81/tcp': null } };
const decoy = { NetworkSettings: { Ports: { '1/tcp': everywhere } } };

/** What the view makes of an engine's answer, without the node it adds. */
function viewOf(answer: object): object {
  const { Node: _, ...rest } = JSON.parse(inspectView(`${JSON.stringify(answer)}\n`, container, names));
  return rest;
}

test.each([
  ['at the end', { Id: 'c1', NetworkSettings: settings }],
  ['alone', { NetworkSettings: settings }],
  ['before other members', { NetworkSettings: settings, Descriptor: { digest: 'x' } }],
  ['before a member of something inside called alike', { NetworkSettings: settings, Other: decoy }],
  ['behind one', { Other: decoy, NetworkSettings: settings }],
  ['behind text that looks like it', { Config: { Labels: { x: JSON.stringify(decoy) } }, NetworkSettings: settings }],
  ['before text that looks like it', { NetworkSettings: settings, Label: `x${JSON.stringify(decoy)}` }],
])('ports bound to all addresses get the node’s: network settings %s', (_where, answer) => {
  expect(viewOf(answer)).toEqual({ ...answer, NetworkSettings: shown });
});

test.each([
  { Id: 'c1' },
  { Id: 'c1', NetworkSettings: {} },
  { Id: 'c1', NetworkSettings: { Ports: {} } },
  { Id: 'c1', NetworkSettings: null, Other: decoy },
])('nothing else changes: %j', (answer) => {
  expect(viewOf(answer)).toEqual(answer);
});

test('networks have the names and IDs that clients know', () => {
  const networks = { bridge: { NetworkID: 'own-of-the-node' }, 'enxame-1': { NetworkID: 'x', GwPriority: 1 } };
  const answer = { HostConfig: { NetworkMode: 'enxame-1' }, NetworkSettings: { Networks: networks } };
  expect(viewOf(answer)).toEqual({
    HostConfig: { NetworkMode: 'my.net' },
    NetworkSettings: {
      Networks: { bridge: { NetworkID: predefinedId('bridge') }, 'my.net': { NetworkID: 'x', GwPriority: 1 } },
    },
  });
});

test('the network mode is what was asked, and what remembers it is not shown', () => {
  const labels = { a: 'b', 'io.enxame.network-mode': 'web' };
  const answer = { HostConfig: { NetworkMode: 'bridge' }, Config: { Labels: labels } };
  expect(viewOf(answer)).toEqual({ HostConfig: { NetworkMode: 'web' }, Config: { Labels: { a: 'b' } } });
});
