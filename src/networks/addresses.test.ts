import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { containsAddress, containsCidr, parseCidr } from '../common/cidr.ts';
import type { IpamConfig } from '../engine/types.ts';
import { planSubnet, readSubnets } from './addresses.ts';

const plan = (config: IpamConfig, nodes: number = 3) =>
  planSubnet(readSubnets([config])[0] ?? expect.unreachable('no subnet'), nodes);

describe('readSubnets', () => {
  test.each([
    [{}, 'invalid subnet : invalid CIDR block notation'],
    [{ Gateway: '10.0.0.1' }, 'invalid subnet : invalid CIDR block notation'],
    [{ Subnet: 'nonsense' }, 'invalid subnet nonsense: invalid CIDR block notation'],
    [{ Subnet: '10.0.0.5/24' }, 'invalid subnet 10.0.0.5/24: it should be 10.0.0.0/24'],
    [{ Subnet: '10.0.0.0/31' }, 'invalid subnet 10.0.0.0/31: too small for a network that spans nodes'],
    [
      { Subnet: '10.0.0.0/24', Gateway: '10.0.1.1' },
      "invalid gateway 10.0.1.1: parent subnet 10.0.0.0/24 doesn't contain this address",
    ],
    [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.0' }, "failed to allocate gateway (10.0.0.0): it is the subnet's own"],
    [{ Subnet: '10.0.0.0/24', Gateway: '10.0.0.255' }, 'failed to allocate gateway (10.0.0.255): it is'],
    [{ Subnet: '10.0.0.0/24', Gateway: 'zzz' }, 'invalid gateway zzz: invalid address'],
    [
      { Subnet: '10.0.0.0/24', IPRange: '10.0.1.0/28' },
      "invalid ip-range 10.0.1.0/28: parent subnet 10.0.0.0/24 doesn't contain ip-range",
    ],
    [{ Subnet: '10.0.0.0/24', IPRange: 'x' }, 'invalid ip-range x: invalid CIDR block notation'],
    [
      { Subnet: '10.0.0.0/24', AuxiliaryAddresses: { r: '10.0.1.9' } },
      "invalid auxiliary address r: parent subnet 10.0.0.0/24 doesn't contain this address",
    ],
  ])('refuses %j as engines do', (config, message) => {
    expect(() => readSubnets([config])).toThrow(
      expect.objectContaining({ status: 400, message: expect.stringContaining(`invalid network config:\n${message}`) }),
    );
  });
});

describe('planSubnet', () => {
  test('leaves the lower half of a subnet to the addresses that clients choose', () => {
    expect(plan({ Subnet: '172.31.203.0/24' })).toEqual({
      config: { Subnet: '172.31.203.0/24', IPRange: '172.31.203.128/25', Gateway: '172.31.203.1' },
      asked: { Subnet: '172.31.203.0/24' },
    });
  });

  test.each([
    { name: 'a range', config: { Subnet: '10.0.0.0/24', IPRange: '10.0.0.64/26' }, nodes: 3 },
    { name: 'a subnet without room', config: { Subnet: '10.0.0.0/28' }, nodes: 3 },
    { name: 'a subnet with little room for so many nodes', config: { Subnet: '10.0.0.0/24' }, nodes: 100 },
  ])('takes $name as it is', ({ config, nodes }) => {
    expect(plan(config, nodes)).toEqual({ config, asked: undefined });
  });

  test('keeps auxiliary addresses, and the gateway that an engine would not choose either, out of the way', () => {
    const { config, asked } = plan({ Subnet: '10.0.0.0/24', AuxiliaryAddresses: { a: '10.0.0.1', b: '10.0.0.200' } });
    expect(config).toEqual({ Subnet: '10.0.0.0/24', IPRange: '10.0.0.128/26', Gateway: '10.0.0.2' });
    expect(asked).toEqual({ Subnet: '10.0.0.0/24', AuxiliaryAddresses: { a: '10.0.0.1', b: '10.0.0.200' } });
  });

  test.each([
    { Subnet: '10.0.0.0/24', Gateway: '10.0.0.9', AuxiliaryAddresses: { r: '10.0.0.9' } },
    { Subnet: '10.0.0.0/24', AuxiliaryAddresses: { q: '10.0.0.9', r: '10.0.0.9' } },
  ])('refuses auxiliary addresses that are taken: %j', (config) => {
    expect(() => plan(config)).toThrow('failed to allocate secondary ip address (r:10.0.0.9): Address already in use');
  });

  test('never gives out an auxiliary address', () => {
    const addresses = fc.uniqueArray(fc.integer({ min: 2, max: 254 }), { maxLength: 40 });
    fc.assert(
      fc.property(addresses, (lasts) => {
        const auxiliary = lasts.map((last) => [`n${last}`, `10.0.0.${last}`] as const);
        const { config } = plan({ Subnet: '10.0.0.0/24', AuxiliaryAddresses: Object.fromEntries(auxiliary) });
        const range = parseCidr(config.IPRange ?? config.Subnet ?? '') ?? expect.unreachable('no range');
        expect(containsCidr(parseCidr('10.0.0.0/24') ?? range, range)).toBe(true);
        for (const [, address] of auxiliary) expect(containsAddress(range, address)).toBe(false);
      }),
    );
  });
});
