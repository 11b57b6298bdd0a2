import { createSocket } from 'node:dgram';
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
