import { expect, test } from 'vitest';
import { readClusterOptions } from './cluster-options.ts';

test('the defaults', () => {
  expect(readClusterOptions([], false)).toEqual({
    overcommit: 0.05,
    createRetries: 0,
    substrate: 'eager',
    subnetPool: undefined,
    pull: 'all',
    imageSpares: 'on',
    adoptSwarm: false,
  });
});

test('every option', () => {
  const pairs = [
    'swarm.overcommit=0.5',
    'enxame.substrate=lazy',
    'enxame.subnet-pool=10.64.0.0/12',
    'enxame.pull=one',
    'enxame.image-spares=off',
    'swarm.createretry=3',
  ];
  expect(readClusterOptions(pairs, true)).toEqual({
    overcommit: 0.5,
    createRetries: 3,
    substrate: 'lazy',
    subnetPool: '10.64.0.0/12',
    pull: 'one',
    imageSpares: 'off',
    adoptSwarm: true,
  });
});

test.each([
  ['nope=1', /unknown --cluster-opt "nope": use one of/],
  ['swarm.overcommit', /should be key=value/],
  ['swarm.overcommit=lots', /should be a share such as 0\.05/],
  ['swarm.createretry=often', /should be a whole number from 0/],
  ['enxame.subnet-pool=foo', /should be an IPv4 CIDR from \/8 to \/24/],
  ['enxame.subnet-pool=10.0.0.0/25', /should be an IPv4 CIDR/],
  ['enxame.subnet-pool=10.0.0.0/8/8', /should be an IPv4 CIDR/],
  ['enxame.substrate=maybe', /should be one of eager, lazy, off/],
  ['enxame.pull=', /should be one of all, one/],
  ['enxame.image-spares=yes', /should be one of on, off/],
])('refuses %s', (pair, message) => {
  expect(() => readClusterOptions([pair], false)).toThrow(message);
});
