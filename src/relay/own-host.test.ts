import { networkInterfaces } from 'node:os';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { bareAddress, ownHost } from './own-host.ts';

test('this machine is known by addresses as sockets show them', () => {
  const isOwn = ownHost(new FakeClock());
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  for (const { address, family } of own) {
    expect(isOwn({ address })).toBe(true);
    expect(isOwn({ address: family === 'IPv6' ? `${address}%eth0` : `::ffff:${address}` })).toBe(true);
  }
  for (const address of ['::1%lo', '::ffff:127.0.0.9', '::FFFF:127.0.0.9']) expect(isOwn({ address })).toBe(true);
  for (const address of ['192.0.2.1', '::ffff:192.0.2.1', 'fe80::99%eth0']) expect(isOwn({ address })).toBe(false);
  expect(bareAddress('fe80::1%eth0')).toBe('fe80::1');
});
