import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { answeringHosts } from './answering.ts';

test('hosts that accept connections are told from those that refuse them', async () => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { signal } = new AbortController();
  const hosts = new Set(['127.0.0.1', '127.0.0.2', 'no-such-host.invalid']);
  expect([...(await answeringHosts(hosts, signal, port))]).toEqual(['127.0.0.1']);
  server.close();
});

test('nothing is asked without hosts', async () => {
  expect((await answeringHosts(new Set(), new AbortController().signal)).size).toBe(0);
});
