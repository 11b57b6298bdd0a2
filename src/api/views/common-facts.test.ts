import { expect, test } from 'vitest';
import { engineInfo, modelNode } from '../../../test/fakes/model.ts';
import type { Node } from '../../cluster/node.ts';
import type { EngineInfo } from '../../engine/types.ts';
import { CommonFacts } from './common-facts.ts';

function nodes(...facts: readonly Partial<EngineInfo>[]): readonly Node[] {
  return facts.map((each, i) => {
    const node = modelNode(`n${i}`);
    node.setInfo(engineInfo(`n${i}`, `id-of-n${i}`, each), `id-of-n${i}`, 0);
    return node;
  });
}

const runc = { path: 'runc' };

test.each([
  ['the same words once', [{ Driver: 'overlay2' }, { Driver: 'overlay2' }], { Driver: 'overlay2' }],
  ['different words as a list', [{ CgroupVersion: '2' }, { CgroupVersion: '1' }], { CgroupVersion: '1, 2' }],
  ['an ability of all', [{ SwapLimit: true }, { SwapLimit: true }], { SwapLimit: true }],
  ['no ability of some', [{ SwapLimit: true }, {}], { SwapLimit: false }],
  [
    'the runtimes that every node has',
    [{ Runtimes: { runc, kata: { path: 'kata' } } }, { Runtimes: { runc } }],
    { Runtimes: { runc } },
  ],
  [
    'all security options when none is everywhere',
    [{ SecurityOptions: ['name=apparmor'] }, { SecurityOptions: ['name=selinux'] }],
    { SecurityOptions: ['name=apparmor', 'name=selinux'] },
  ],
  [
    'the log drivers that every node has',
    [{ Plugins: { Log: ['json-file', 'local'] } }, { Plugins: { Log: ['local'] } }],
    { Plugins: { Log: ['local'], Volume: [], Network: [], Authorization: null } },
  ],
  [
    'the driver’s status as far as it is the same',
    [
      {
        DriverStatus: [
          ['a', '1'],
          ['b', '2'],
        ],
      },
      { DriverStatus: [['b', '2']] },
    ],
    { DriverStatus: [['b', '2']] },
  ],
  ['nothing of nobody', [], { Driver: '', SwapLimit: false, Runtimes: {} }],
] satisfies [string, Partial<EngineInfo>[], object][])('%s', (_name, facts, expected) => {
  expect(new CommonFacts().of(nodes(...facts))).toMatchObject(expected);
});

test('nodes that are away do not count, and facts are gathered anew when an engine says other ones', () => {
  const common = new CommonFacts();
  const both = nodes({ Driver: 'overlay2' }, { Driver: 'vfs' });
  expect(common.of(both)).toMatchObject({ Driver: 'overlay2, vfs' });
  expect(common.of(both)).toBe(common.of(both));
  both[1]?.setState('Unhealthy', 'gone');
  expect(common.of(both)).toMatchObject({ Driver: 'overlay2' });
  both[0]?.setInfo(engineInfo('n0', 'id-of-n0', { Driver: 'btrfs' }), 'id-of-n0', 0);
  expect(common.of(both)).toMatchObject({ Driver: 'btrfs' });
});
