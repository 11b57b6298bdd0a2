import { expect, test } from 'vitest';
import { carriageOf } from './carriage.ts';

test.each([
  ['one without options is copied', 'local', null, { kind: 'copy' }],
  ['one with a size is copied', 'local', { size: '10g' }, { kind: 'copy' }],
  [
    'a network file system is mounted anew',
    'local',
    { type: 'nfs4', o: 'addr=10.0.0.9', device: ':/x' },
    { kind: 'alike' },
  ],
  ['one in memory is made anew', 'local', { type: 'tmpfs', device: 'tmpfs' }, { kind: 'alike' }],
  [
    'a path of the node stays',
    'local',
    { type: 'none', o: 'bind', device: '/srv/x' },
    { kind: 'bound', why: 'it mounts /srv/x of its node' },
  ],
  [
    'a plugin’s stays',
    'vendor/disk',
    null,
    { kind: 'bound', why: 'it is of the driver vendor/disk, whose volumes are not copied' },
  ],
])('%s', (_case, Driver, Options, expected) => {
  expect(carriageOf({ Driver, Options: Options as Record<string, string> | null })).toEqual(expected);
});
