import { expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { EngineClient } from '../engine/client.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { PublishedPorts } from './published-ports.ts';

const BINDINGS = { PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } };
const LONG_AGO = '2020-01-01T00:00:00Z';

test.each<[string, object, boolean]>([
  ['runs again', { Running: true, Restarting: false, FinishedAt: LONG_AGO }, true],
  ['is restarted by its engine', { Running: false, Restarting: true, FinishedAt: LONG_AGO }, true],
  [
    'ended just now',
    { Running: false, Restarting: false, FinishedAt: new Date(Date.now() + 3_600_000).toISOString() },
    true,
  ],
  ['ended long ago', { Running: false, Restarting: false, FinishedAt: LONG_AGO }, false],
])('a port of a container that %s', async (_, State, expected) => {
  await using engine = await FakeEngine.start();
  const [host = '', number = ''] = engine.address.split(':');
  const client = new EngineClient(tcpConnector(host, Number(number)));
  const ports = new PublishedPorts(client);
  const Id = 'c'.repeat(64);
  const endList = engine.lie('GET /containers/json', 200, [
    { Id, Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }] },
  ]);
  expect(await ports.find('', 8080)).toEqual({ host: '127.0.0.1', port: 8080 });
  // Of another host.
  expect(await ports.find('192.0.2.77', 8080)).toEqual({ host: '127.0.0.1', port: 8080 });
  expect(await ports.find('127.0.0.5', 8080)).toEqual({ host: '127.0.0.5', port: 8080 });
  endList();
  engine.lie(`GET /containers/${Id}/json`, 200, { State, HostConfig: BINDINGS });
  expect(await ports.isAwaited(8080)).toBe(expected);
  expect(await ports.isAwaited(8081)).toBe(false);
  ports.close();
  await client.close();
});
