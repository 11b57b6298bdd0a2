import { expect, test } from 'vitest';
import { containerSummary, nowhere } from '../../test/fakes/model.ts';
import { Container } from '../cluster/container.ts';
import { Node } from '../cluster/node.ts';
import { EngineClient } from '../engine/client.ts';
import { nodePortsOf } from './node-ports.ts';

function led(IP: string, PublicPort: number, address: string = '192.0.2.1'): string | undefined {
  const node = new Node('node-1:2375', new EngineClient(nowhere()), address);
  const summary = containerSummary('1', { Ports: [{ IP, PrivatePort: 80, PublicPort, Type: 'tcp' }] });
  return nodePortsOf(new Container(node, summary, 0))[0]?.host;
}

test('what an engine lists leads to other hosts, never to the own one of a relay', () => {
  expect(['0.0.0.0', '', '198.51.100.7', '2001:db8::7', 'bee-1', 'bee.example.com'].map((ip) => led(ip, 80))).toEqual([
    '192.0.2.1',
    '192.0.2.1',
    '198.51.100.7',
    '2001:db8::7',
    'bee-1',
    'bee.example.com',
  ]);
  const own = [
    '127.0.0.1',
    '::1',
    '::0',
    '0.0.0.1',
    '::ffff:127.0.0.1',
    '127.1',
    '0x7f.0x1',
    '0',
    'localhost',
    'a.localhost',
    // Of its link, where a provider tells a machine its credentials, and of many.
    '169.254.169.254',
    'fe80::1',
    '224.0.0.1',
    'ff02::1',
  ];
  expect(own.filter((ip) => led(ip, 80) !== undefined)).toEqual([]);
  // The engine of the relay's own host.
  expect(led('0.0.0.0', 80, '127.0.0.1')).toBe('127.0.0.1');
});

test('what an engine lists that is no port is none', () => {
  expect([0, -1, 65_536, 1.5, Number.NaN].filter((port) => led('0.0.0.0', port) !== undefined)).toEqual([]);
});
