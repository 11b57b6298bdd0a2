import { describe, expect, test } from 'vitest';
import { ASKED_NETWORK_LABEL } from '../common/labels.ts';
import { readSubnets } from './addresses.ts';
import { engineNameFor, substrateBody } from './substrate-body.ts';

describe('engineNameFor', () => {
  test.each(['web', 'a', 'My_net-1', 'a'.repeat(63)])('%s stays', (name) => {
    expect(engineNameFor(name, ['other'])).toBe(name);
  });

  test.each(['my.net', 'my net', 'web_', '_web', '-web', 'rede-ção', 'a/b', 'a'.repeat(64), 'a'.repeat(5000)])(
    'one that swarm mode does not take gets one that it takes: %s',
    (name) => {
      expect(engineNameFor(name, [])).toMatch(/^enxame-[0-9a-f]{32}$/);
      expect(engineNameFor(name, [])).toBe(engineNameFor(name, ['other']));
      expect(engineNameFor(name, [])).not.toBe(engineNameFor(`${name}.`, []));
    },
  );

  test('so does one that differs from another only in case', () => {
    expect(engineNameFor('Web', ['web'])).toMatch(/^enxame-/);
  });
});

describe('substrateBody', () => {
  const make = (
    body: object,
    engineName: string = 'web',
    userAgent: string = 'compose/v2',
  ): Record<string, unknown> => {
    const text = JSON.stringify(body);
    const wanted = JSON.parse(text);
    const subnets = readSubnets(wanted.IPAM?.Config ?? []);
    const asker = { userAgent, isSubstrateOff: false };
    return JSON.parse(substrateBody({ text, body: wanted, subnets, engineName, asker, nodes: 3 }));
  };
  const askedOf = (made: Record<string, unknown>): unknown => {
    const text = (made.Labels as Record<string, string> | undefined)?.[ASKED_NETWORK_LABEL];
    return text === undefined ? undefined : JSON.parse(text);
  };

  test('what swarm mode can do is asked of it as it came', () => {
    const body = { Name: 'web', Internal: true, Labels: { a: 'b' }, Future: 1 };
    expect(make(body)).toEqual({ ...body, Driver: 'overlay', Attachable: true });
  });

  test.each([
    { name: 'a bridge by name', body: { Name: 'web', Driver: 'bridge' }, asked: { Driver: 'bridge' } },
    {
      name: 'the CLI’s default',
      body: { Name: 'web', Driver: 'bridge' },
      userAgent: 'Docker-Client/28',
      asked: undefined,
    },
    { name: 'another name', body: { Name: 'my.net' }, asked: { Name: 'my.net' } },
    {
      name: 'a subnet',
      body: { Name: 'web', IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] } },
      asked: { Subnets: [{ Subnet: '10.9.0.0/24' }] },
    },
    {
      name: 'a size of packets',
      body: { Name: 'web', Options: { 'com.docker.network.driver.mtu': '1400' } },
      asked: { Mtu: '1400' },
    },
    {
      name: 'a configuration',
      body: { Name: 'web', ConfigFrom: { Network: 'conf' } },
      asked: { ConfigFrom: { Network: 'conf' } },
    },
    {
      name: 'what a client itself writes there',
      body: { Name: 'web', Labels: { [ASKED_NETWORK_LABEL]: '{"Name":"x"}' } },
      asked: undefined,
    },
  ])('what was asked is kept in a label: $name', ({ body, userAgent, asked }) => {
    const made = make(body, 'web', userAgent);
    expect(made).toMatchObject({ Name: 'web', Driver: 'overlay', Attachable: true });
    expect(askedOf(made)).toEqual(asked);
  });

  const MTU = 'com.docker.network.driver.mtu';

  test.each([
    [{ Options: { [MTU]: '1400' } }, '1450'],
    [{ Driver: 'bridge', Options: { [MTU]: '1500' } }, '1550'],
    [{ Options: { [MTU]: '1400', encrypted: '' } }, '1476'],
    [{ Driver: 'overlay', Options: { [MTU]: '1400' } }, '1400'],
    [{ Options: { [MTU]: '0' } }, '0'],
  ])('containers get the size of packets that was asked for: %j', (body, option) => {
    expect(make({ Name: 'web', ...body })).toMatchObject({ Options: { [MTU]: option } });
  });

  test.each(['abc', '-5', '10', '67', '65500', '1e3', '9'.repeat(400)])(
    'a size that no engine takes is refused: %s',
    (size) => {
      expect(() => make({ Name: 'web', Options: { [MTU]: size } })).toThrow(
        expect.objectContaining({ status: 400, message: expect.stringContaining('a number from 68 to 65485') }),
      );
    },
  );

  test('an overlay network by name must leave room for its headers', () => {
    expect(() => make({ Name: 'web', Driver: 'overlay', Options: { [MTU]: '100' } })).toThrow('plus 50 for headers');
  });
});
