import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { openWay } from './udp-way.ts';

test('a way is closed more than once without harm, open or not', async () => {
  const there = createSocket('udp4').bind(0, '127.0.0.1');
  await once(there, 'listening');
  const target = { id: 'a', nodeId: 'n', host: '127.0.0.1', port: there.address().port, proxyProtocol: undefined };
  const client = { address: '192.0.2.1', port: 5_353 };
  for (const isOpen of [false, true]) {
    let onOpen = (): void => undefined;
    const opened = new Promise<void>((resolve) => {
      onOpen = resolve;
    });
    const way = openWay(target, client, { onOpen, onDatagram: () => undefined, onEnd: () => undefined });
    if (isOpen) await opened;
    expect(() => {
      way.close();
      way.close();
    }).not.toThrow();
  }
  await new Promise<void>((resolve) => there.close(() => resolve()));
});

test('no way leads to a name that stands for this host', async () => {
  const here = createSocket('udp4').bind(0, '127.0.0.1');
  await once(here, 'listening');
  const target = { id: 'a', nodeId: 'n', host: 'localhost', port: here.address().port, proxyProtocol: undefined };
  // As a site may list it.
  const own = await lookup('localhost', { family: 4 });
  expect(own.address).toBe('127.0.0.1');
  const outcome = await new Promise<string>((resolve) => {
    openWay(
      target,
      { address: '192.0.2.1', port: 5_353 },
      {
        onOpen: () => resolve('open'),
        onDatagram: () => undefined,
        onEnd: (isOpened) => resolve(isOpened ? 'broken' : 'refused'),
      },
    );
  });
  expect(outcome).toBe('refused');
  await new Promise<void>((resolve) => here.close(() => resolve()));
});
