import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nearest } from '../common/nearest.ts';
import { loadDriver } from './drivers.ts';
import { resolveOptions, storable } from './option-values.ts';
import type { DriverOption, OptionValues } from './options.ts';

const OPTIONS: readonly DriverOption[] = [
  { flag: 'x-token', type: 'string', help: 'an API token', env: ['X_TOKEN', 'XTOK'], isRequired: true, isSecret: true },
  { flag: 'x-size', type: 'string', help: 'the size', default: 'small', choices: ['small', 'large'] },
  {
    flag: 'x-disk',
    type: 'number',
    help: 'the disk in GB',
    problem: (value) => (Number(value) < 1 ? 'is too small' : undefined),
  },
  { flag: 'x-port', type: 'strings', help: 'a port to open', env: ['X_PORTS'] },
  { flag: 'x-ipv6', type: 'boolean', help: 'use IPv6', env: ['X_IPV6'] },
];

function resolve(given: OptionValues, env: Record<string, string> = { XTOK: 't' }): unknown {
  return resolveOptions('x', OPTIONS, given, env);
}

describe('resolveOptions', () => {
  it('takes flags before the environment before defaults', () => {
    expect(resolve({})).toEqual({ 'x-token': 't', 'x-size': 'small', 'x-port': [], 'x-ipv6': false });
    const env = { X_TOKEN: 'a', XTOK: 'b', X_PORTS: '80, 443', X_IPV6: 'true' };
    expect(resolve({ 'x-size': 'large', 'x-disk': '20' }, env)).toEqual({
      'x-token': 'a',
      'x-size': 'large',
      'x-disk': 20,
      'x-port': ['80', '443'],
      'x-ipv6': true,
    });
    expect(resolve({ 'x-token': 'mine', 'x-port': ['1'] }, env)).toMatchObject({ 'x-token': 'mine', 'x-port': ['1'] });
  });

  it.each<{ given: OptionValues; env?: Record<string, string>; message: string }>([
    { given: {}, env: {}, message: 'the driver x needs an API token: give --x-token or set $X_TOKEN or $XTOK' },
    { given: { 'x-size': 'huge' }, message: '--x-size "huge" is none of small, large' },
    { given: { 'x-disk': 'big' }, message: '--x-disk "big" is not a number' },
    { given: { 'x-disk': '' }, message: '--x-disk "" is not a number' },
    { given: { 'x-disk': 0 }, message: '--x-disk "0" is too small' },
    { given: {}, env: { XTOK: 't', X_IPV6: 'maybe' }, message: '--x-ipv6 "maybe" is neither true nor false' },
    { given: { 'y-size': 'small' }, message: '--y-size is not a flag of the driver x' },
  ])('refuses $given: $message', ({ given, env, message }) => {
    expect(() => resolve(given, env)).toThrow(message);
  });

  it('keeps credentials out of the store unless asked', () => {
    const values = resolveOptions('x', OPTIONS, {}, { XTOK: 't' });
    expect(JSON.stringify(storable(OPTIONS, values, false))).not.toContain('"t"');
    expect(storable(OPTIONS, values, true)).toEqual(values);
  });
});

describe('loadDriver', () => {
  it('loads our own', async () => {
    expect((await loadDriver('none')).name).toBe('none');
  });

  it.each([
    {
      name: 'nome',
      message: /^Driver "nome" not found\. Did you mean "none"\? Others are npm packages called enxame-driver-NAME$/,
    },
    { name: 'awsec2', message: /^Driver "awsec2" not found\. Did you mean "amazonec2"\? [^:]*$/ },
    { name: 'AWS', message: /Did you mean "amazonec2"\?/ },
    { name: 'amazon', message: /Did you mean "amazonec2"\?/ },
    { name: 'rackspace', message: /Did you mean "openstack"\?/ },
    { name: 'ovhcloud', message: /Did you mean "openstack"\?/ },
    { name: 'googlecloud', message: /Did you mean "google"\?/ },
    { name: 'hetzner-cloud', message: /Did you mean "hetzner"\?/ },
    { name: 'vitrualbox', message: /Did you mean "virtualbox"\?/ },
    { name: 'exoscale', message: /The drivers here are / },
    { name: 'toString', message: /Driver "toString" not found\. The drivers here are / },
    { name: '../x', message: /Driver "\.\.\/x" not found/ },
  ])('says what to do about "$name"', async ({ name, message }) => {
    await expect(loadDriver(name)).rejects.toThrow(message);
  });
});

describe('nearest', () => {
  it('finds a name with one letter changed', () => {
    const names = ['amazonec2', 'digitalocean', 'hetzner', 'virtualbox'];
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(20), (name, at) => {
        const index = at % name.length;
        expect(nearest(`${name.slice(0, index)}_${name.slice(index + 1)}`, names)).toBe(name);
      }),
    );
  });

  it('guesses nothing for a strange word', () => {
    expect(nearest('zzzz', ['none', 'local'])).toBeUndefined();
    expect(nearest('x', [])).toBeUndefined();
  });
});
