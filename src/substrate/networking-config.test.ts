import { describe, expect, test } from 'vitest';
import { splitNetworkingConfig } from './networking-config.ts';

function body(endpoints: Record<string, object | null>, more: object = {}): string {
  return JSON.stringify({ Image: 'x', NetworkingConfig: { EndpointsConfig: endpoints }, ...more });
}

describe('splitNetworkingConfig', () => {
  const two = { web: { Aliases: ['w'] }, back: { Aliases: ['b'] } };

  test('leaves the text to engines that take several networks', () => {
    const text = body(two);
    expect(splitNetworkingConfig(text, '1.44')).toEqual({ body: text, connects: [] });
  });

  test.each([
    { name: 'several networks', endpoints: two, more: { HostConfig: { NetworkMode: 'web' } }, mode: 'bridge' },
    { name: 'one network', endpoints: { web: {} }, more: { HostConfig: { NetworkMode: 'web' } }, mode: 'web' },
    { name: 'none of the mode', endpoints: two, more: { HostConfig: { NetworkMode: 'host' } }, mode: 'host' },
    {
      name: 'a link-layer address of the container',
      endpoints: two,
      more: { HostConfig: { NetworkMode: 'web' }, MacAddress: '02:42:ac:11:00:02' },
      mode: 'web',
    },
  ])('$name: the network mode is $mode', ({ endpoints, more, mode }) => {
    const { body: made, connects } = splitNetworkingConfig(body(endpoints, more), '1.44');
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
    const split = splitNetworkingConfig(text, '1.41');
    const endpoints = JSON.parse(split.body).NetworkingConfig?.EndpointsConfig;
    expect(endpoints && Object.keys(endpoints)).toEqual(kept);
    expect(split.connects.map(({ network }) => network)).toEqual(connects);
  });

  test('keeps each endpoint’s wishes as they were written', () => {
    const text =
      '{"NetworkingConfig":{"EndpointsConfig":{"a":{},"b":{"IPAMConfig":{"IPv4Address":"10.1.1.9"},"Future":12345678901234567890}}}}';
    const [connect] = splitNetworkingConfig(text, '1.41').connects;
    expect(connect?.endpointConfig).toBe('{"IPAMConfig":{"IPv4Address":"10.1.1.9"},"Future":12345678901234567890}');
  });

  test('gives the first endpoint’s link address to the container, where older engines look for it', () => {
    const text = body({ web: { MacAddress: '02:00:00:00:00:01' } });
    expect(JSON.parse(splitNetworkingConfig(text, '1.43').body).MacAddress).toBe('02:00:00:00:00:01');
    const own = body({ web: { MacAddress: '02:00:00:00:00:01' } }, { MacAddress: '02:00:00:00:00:02' });
    expect(JSON.parse(splitNetworkingConfig(own, '1.43').body).MacAddress).toBe('02:00:00:00:00:02');
  });
});
