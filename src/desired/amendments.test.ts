import { expect, test } from 'vitest';
import { amended } from './amendments.ts';
import type { Amendment } from './record.ts';

const connect = (network: string, body = '{}'): Amendment => ({ kind: 'connect', network, body });
const disconnect = (network: string): Amendment => ({ kind: 'disconnect', network });
const update = (body: string): Amendment => ({ kind: 'update', body });

test.each([
  [
    'the last word on a network counts',
    [connect('a'), disconnect('a'), connect('a', '{"x":1}')],
    [connect('a', '{"x":1}')],
  ],
  ['networks do not touch each other', [connect('a'), disconnect('b')], [connect('a'), disconnect('b')]],
  [
    'updates are one, without what they leave as it is',
    [
      update('{"Memory":1099511627776123456789,"CpuShares":5}'),
      connect('a'),
      update('{"CpuShares":0,"NanoCpus":7,"RestartPolicy":{"Name":""}}'),
      update('{"RestartPolicy":{"Name":"always"}}'),
    ],
    [
      update('{"Memory":1099511627776123456789,"CpuShares":5,"NanoCpus":7,"RestartPolicy":{"Name":"always"}}'),
      connect('a'),
    ],
  ],
])('%s', (_case, all, expected) => {
  const none: readonly Amendment[] = [];
  expect(all.reduce(amended, none)).toEqual(expected);
});
