import { describe, expect, test } from 'vitest';
import { ASKED_MODE_LABEL } from '../common/labels.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import type { KnownNetwork } from './known-network.ts';
import { engineNetworking } from './networking-config.ts';

function network(
  kind: KnownNetwork<string>['kind'],
  id: string,
  name: string,
  engineName: string = name,
): KnownNetwork<string> {
  const raw = { Id: id, Name: engineName, Driver: '', Scope: '', IPAM: { Config: [{ Subnet: '10.9.0.0/24' }] } };
  return { id, name, kind, raw, summary: { ...raw, Name: name }, holders: [] };
}

const KNOWN = [
  network('cluster', 'w1', 'web'),
  network('cluster', 'b1', 'back'),
  network('cluster', 'd1', 'my.net', 'enxame-1'),
  network('local', 'l1', 'plain'),
  network('predefined', 'one-id-for-all', 'bridge'),
];
const networks = {
  find: (reference: string) => KNOWN.find(({ id, name, raw }) => [id, name, raw.Name].includes(reference)),
  referenceOn: ({ raw }: KnownNetwork<string>) => raw.Name,
};
const make = (text: string, api: ApiVersion) => engineNetworking(text, api, networks);

function body(endpoints: Record<string, object | null>, more: object = {}): string {
  return JSON.stringify({ Image: 'x', NetworkingConfig: { EndpointsConfig: endpoints }, ...more });
}

describe('engineNetworking', () => {
  const two = { web: { Aliases: ['w'] }, back: { Aliases: ['b'] } };

  test('leaves the text to engines that take several networks', () => {
    const text = body(two);
    expect(make(text, '1.44')).toEqual({ body: text, connects: [] });
  });

  test.each([
    { name: 'several networks', endpoints: two, more: { HostConfig: { NetworkMode: 'web' } }, mode: 'bridge' },
    { name: 'one network', endpoints: { web: {} }, more: { HostConfig: { NetworkMode: 'web' } }, mode: 'web' },
    {
      name: 'a plain bridge and a cluster network',
      endpoints: { plain: {}, web: {} },
      more: { HostConfig: { NetworkMode: 'plain' } },
      mode: 'plain',
    },
    { name: 'none of the mode', endpoints: two, more: { HostConfig: { NetworkMode: 'host' } }, mode: 'host' },
    {
      name: 'a link-layer address of the container',
      endpoints: two,
      more: { HostConfig: { NetworkMode: 'web' }, MacAddress: '02:42:ac:11:00:02' },
      mode: 'web',
    },
  ])('$name: the network mode is $mode', ({ endpoints, more, mode }) => {
    const { body: made, connects } = make(body(endpoints, more), '1.44');
    expect(connects).toEqual([]);
    expect(JSON.parse(made)).toMatchObject({
      HostConfig: { NetworkMode: mode },
      NetworkingConfig: { EndpointsConfig: endpoints },
    });
  });

  test.each([
    { name: 'no networks', text: '{"Image":"x"}', kept: undefined, connects: [] },
    { name: 'null configuration', text: '{"NetworkingConfig":null}', kept: undefined, connects: [] },
    { name: 'one network', text: body({ web: null }), kept: ['web'], connects: [] },
    {
      name: 'the network mode’s stays',
      text: body(two, { HostConfig: { NetworkMode: 'back' } }),
      kept: ['back'],
      connects: ['web'],
    },
    { name: 'else the first', text: body(two), kept: ['web'], connects: ['back'] },
  ])('$name', ({ text, kept, connects }) => {
    const split = make(text, '1.41');
    const endpoints = JSON.parse(split.body).NetworkingConfig?.EndpointsConfig;
    expect(endpoints && Object.keys(endpoints)).toEqual(kept);
    expect(split.connects.map(({ network }) => network)).toEqual(connects);
  });

  test('keeps each endpoint’s wishes as they were written', () => {
    const text =
      '{"NetworkingConfig":{"EndpointsConfig":{"a":{},"b":{"IPAMConfig":{"IPv4Address":"10.1.1.9"},"Future":12345678901234567890}}}}';
    const [connect] = make(text, '1.41').connects;
    expect(connect?.endpointConfig).toBe('{"IPAMConfig":{"IPv4Address":"10.1.1.9"},"Future":12345678901234567890}');
  });

  test('gives the first endpoint’s link address to the container, where older engines look for it', () => {
    const text = body({ web: { MacAddress: '02:00:00:00:00:01' } });
    expect(JSON.parse(make(text, '1.43').body).MacAddress).toBe('02:00:00:00:00:01');
    const own = body({ web: { MacAddress: '02:00:00:00:00:01' } }, { MacAddress: '02:00:00:00:00:02' });
    expect(JSON.parse(make(own, '1.43').body).MacAddress).toBe('02:00:00:00:00:02');
  });

  test.each([
    { name: 'a safe mode', mode: 'web', made: 'bridge', label: 'web' },
    { name: 'a name engines cannot have', mode: 'my.net', made: 'bridge', label: 'my.net' },
    { name: 'a mode of the node itself', mode: 'plain', made: 'plain', label: undefined },
  ])('what was asked is remembered where clients would be shown another mode: $name', ({ mode, made, label }) => {
    const { body: text } = make(body({ [mode]: {}, back: {} }, { HostConfig: { NetworkMode: mode } }), '1.44');
    expect(JSON.parse(text).HostConfig.NetworkMode).toBe(made);
    expect(JSON.parse(text).Labels?.[ASKED_MODE_LABEL]).toBe(label);
  });

  test('an endpoint copied from the inspection of another container is not taken for one that is attached', () => {
    const copied = { web: { EndpointID: 'e1', IPAMConfig: { IPv4Address: '10.9.0.7' } } };
    expect(make(body(copied), '1.44').body).toBe(body({ web: { IPAMConfig: { IPv4Address: '10.9.0.7' } } }));
  });

  test.each(['1.41', '1.44'] as const)('networks go by the names that an engine of %s knows', (api) => {
    const { body: text } = make(body({ 'my.net': { Aliases: ['a'] } }, { HostConfig: { NetworkMode: 'my.net' } }), api);
    const made = JSON.parse(text);
    expect(made.HostConfig.NetworkMode).toBe('enxame-1');
    expect(made.NetworkingConfig.EndpointsConfig).toEqual({ 'enxame-1': { Aliases: ['a'] } });
    expect(made.Labels).toBeUndefined();
  });

  test('a network by its ID becomes its name, and clients are shown the ID they asked for', () => {
    const made = JSON.parse(make(body({ w1: {} }, { HostConfig: { NetworkMode: 'w1' } }), '1.44').body);
    expect(made.HostConfig.NetworkMode).toBe('web');
    expect(Object.keys(made.NetworkingConfig.EndpointsConfig)).toEqual(['web']);
    expect(made.Labels).toEqual({ [ASKED_MODE_LABEL]: 'w1' });
  });

  test('what a client itself writes into that label does not count', () => {
    const text = body({}, { HostConfig: { NetworkMode: 'web' }, Labels: { [ASKED_MODE_LABEL]: 'host', a: 'b' } });
    expect(JSON.parse(make(text, '1.44').body).Labels).toEqual({ a: 'b' });
  });

  test.each([
    { address: '10.9.0.7', message: undefined },
    { address: '10.99.0.2', message: /no configured subnet or ip-range contain the IP address 10.99.0.2/ },
    { address: 'zzz', message: /invalid IP address: zzz/ },
  ])('an address in a cluster network is judged at once: $address', ({ address, message }) => {
    const text = body({ web: { IPAMConfig: { IPv4Address: address } } });
    if (message)
      expect(() => make(text, '1.44')).toThrow(
        expect.objectContaining({ status: 400, message: expect.stringMatching(message) }),
      );
    else expect(make(text, '1.44').body).toBe(text);
  });
});
