import { expect, it } from 'vitest';
import { keyOf } from '../../test/fakes/simulated-mesh.ts';
import { readReport } from './read.ts';

const REPORT = {
  key: keyOf('a'),
  port: 51820,
  kind: 'kernel',
  interface: 'enxame-0a1b2c3d',
  addresses: [],
  routes: [],
  peers: [],
  ways: [],
  problems: [],
  nowMs: 0,
};

it('reads what is wrong at a node as short lines that move no cursor', () => {
  const problems = ['no way\nWARNING: all is well\u001b[2J', 'x'.repeat(5_000)];
  expect(readReport({ ...REPORT, problems }).problems).toEqual([
    'no way WARNING: all is well\ufffd[2J',
    'x'.repeat(1_000),
  ]);
});

it('takes no interface that would be another command where it is shown', () => {
  expect(() => readReport({ ...REPORT, interface: 'a; reboot' })).toThrow('its report cannot be read: interface');
});
