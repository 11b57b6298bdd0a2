import { expect, test } from 'vitest';
import { parseCidr } from '../common/cidr.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { assertFree, subnetsOfCluster, subnetsOfNodes } from './taken-subnets.ts';

function network(Name: string, Scope: string, ...subnets: string[]): NetworkSummary {
  return { Id: Name, Name, Driver: '', Scope, IPAM: { Config: subnets.map((Subnet) => ({ Subnet })) } };
}

const [one, two] = [{ name: 'one' }, { name: 'two' }];
const taken = [
  ...subnetsOfCluster([network('web', 'swarm', '10.1.0.0/24', 'fd00::/64')]),
  ...subnetsOfNodes([
    { key: 'a', holders: new Map([[one, network('bridge', 'local', '172.17.0.0/16')]]) },
    { key: 'b', holders: new Map([[two, network('bridge', 'local', '172.17.0.0/16')]]) },
    { key: 'c', holders: new Map([[two, network('plain', 'local', '172.20.0.0/16')]]) },
    { key: 'd', holders: new Map([[two, { ...network('conf', 'local', '172.21.0.0/16'), ConfigOnly: true }]]) },
    { key: 'e', holders: new Map([[two, network('none', 'local')]]) },
  ]),
];
const free = (...subnets: string[]) =>
  assertFree(
    subnets.flatMap((text) => parseCidr(text) ?? []),
    taken,
  );

test.each([
  ['10.1.0.128/25', 'network web'],
  ['10.0.0.0/8', 'network web'],
  ['172.17.5.0/24', 'network bridge of one'],
  ['172.20.0.0/16', 'network plain of two'],
])('%s is taken', (subnet, holder) => {
  const message = `invalid pool request: Pool overlaps with other one on this address space (${holder})`;
  expect(() => free(subnet)).toThrow(expect.objectContaining({ status: 403, message }));
});

test.each(['10.1.1.0/24', '172.21.0.0/24'])('%s is free', (subnet) => {
  expect(() => free(subnet)).not.toThrow();
});

test('two subnets of one network must not overlap', () => {
  expect(() => free('10.2.0.0/24', '10.3.0.0/24')).not.toThrow();
  expect(() => free('10.2.0.0/24', '10.2.0.0/25')).toThrow('(the same network)');
});
