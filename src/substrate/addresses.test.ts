import * as os from 'node:os';
import { describe, expect, test, vi } from 'vitest';
import { advertisedAddress, chooseAddressPool, ownAddressOnce, POOL_CANDIDATES } from './addresses.ts';
import { ADDRESS_LABEL, type SubstrateMember } from './types.ts';

vi.mock('node:os', async (original) => {
  const real = await original<typeof os>();
  return { ...real, networkInterfaces: vi.fn(real.networkInterfaces) };
});

describe('chooseAddressPool', () => {
  test.each([
    { name: 'nothing in use', used: [], pool: '10.208.0.0/12' },
    { name: 'engines inside the first', used: ['10.213.4.11'], pool: '10.176.0.0/12' },
    { name: 'a bridge inside the first', used: ['172.17.0.0/16', '10.208.9.0/24'], pool: '10.176.0.0/12' },
    { name: 'a network around some', used: ['10.128.0.0/9'], pool: '10.112.0.0/12' },
    { name: 'IPv6 and nonsense do not matter', used: ['fd00::/64', '', 'x/y'], pool: '10.208.0.0/12' },
    { name: 'all taken', used: ['10.0.0.0/8'], pool: POOL_CANDIDATES[0] },
  ])('$name', ({ used, pool }) => {
    expect(chooseAddressPool(used)).toBe(pool);
  });
});

describe('advertisedAddress', () => {
  const member = (address: string, label?: string): SubstrateMember =>
    ({ address, labels: new Map(label === undefined ? [] : [[ADDRESS_LABEL, label]]) }) as unknown as SubstrateMember;

  test.each([
    ['its own', member('10.1.2.3'), '10.1.2.3'],
    ['the label’s', member('127.0.0.1', '10.9.9.9'), '10.9.9.9'],
    ['none for an unknown host', member('no-such-host.invalid'), undefined],
  ])('%s', async (_, of, address) => {
    expect(await advertisedAddress(of, ownAddressOnce())).toBe(address);
  });

  test('is never loopback', async () => {
    expect(await advertisedAddress(member('127.0.0.1'), ownAddressOnce())).not.toBe('127.0.0.1');
  });

  test('asks the system for the interfaces once, however many engines are on this host', async () => {
    const interfaces = vi.mocked(os.networkInterfaces);
    interfaces.mockClear();
    const own = ownAddressOnce();
    for (let count = 0; count < 100; count++) await advertisedAddress(member('127.0.0.1'), own);
    await advertisedAddress(member('10.1.2.3'), own);
    expect(interfaces).toHaveBeenCalledTimes(1);
  });
});
