import { describe, expect, test } from 'vitest';
import { parseSpec } from './container-spec.ts';
import { tied, updated } from './terms.ts';

function specOf(body: object) {
  const value = { Image: 'redis', ...body };
  return parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 4 }, value);
}

const SERVICE = { 'com.docker.compose.project': 'shop', 'com.docker.compose.service': 'web' };
const POLICIES = 'com.docker.swarm.reschedule-policies';

describe('the terms of a container', () => {
  test.each([
    ['nothing said', {}, { restart: 'no', priority: 0 }],
    ['a policy in the environment', { Env: ['reschedule:auto'] }, { policy: 'auto' }],
    ['a policy as Compose writes it', { Env: ['reschedule:off='] }, { policy: 'off' }],
    ['a policy in the label', { Labels: { [POLICIES]: '["on-node-failure"]' } }, { policy: 'on-node-failure' }],
    ['a restart policy', { HostConfig: { RestartPolicy: { Name: 'always' } } }, { restart: 'always' }],
    [
      'a number of restarts',
      { HostConfig: { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 } } },
      { restart: 'on-failure:3' },
    ],
    ['an empty restart policy', { HostConfig: { RestartPolicy: { Name: '' } } }, { restart: 'no' }],
    ['a service', { Labels: SERVICE }, { isOfService: true }],
    [
      'one of docker compose run',
      { Labels: { ...SERVICE, 'com.docker.compose.oneoff': 'True' } },
      { isTransient: true },
    ],
    ['--rm', { HostConfig: { AutoRemove: true } }, { isTransient: true }],
    [
      'labels',
      {
        Labels: {
          'io.enxame.data': 'discard',
          'io.enxame.fence': 'strict',
          'io.enxame.move': 'stop-first',
          'io.enxame.return': 'keep-old',
          'io.enxame.priority': '-5',
        },
      },
      { discardsData: true, isStrict: true, stopsFirst: true, keepsOld: true, priority: -5 },
    ],
    [
      'labels that say what is the default',
      { Labels: { 'io.enxame.data': 'keep', 'io.enxame.move': 'start-first', 'io.enxame.priority': '' } },
      {},
    ],
  ])('%s', (_case, body, expected) => {
    expect(specOf(body).terms).toEqual({ restart: 'no', priority: 0, ...expected });
  });

  test.each([
    [{ 'io.enxame.data': 'drop' }, "Label io.enxame.data is 'drop': use discard or keep"],
    [{ 'io.enxame.fence': 'Strict' }, "Label io.enxame.fence is 'Strict': use strict or off"],
    [{ 'io.enxame.move': 'first' }, "Label io.enxame.move is 'first': use stop-first or start-first"],
    [{ 'io.enxame.return': 'keep' }, "Label io.enxame.return is 'keep': use keep-new or keep-old"],
    [{ 'io.enxame.priority': '1.5' }, "Label io.enxame.priority is '1.5': use a whole number"],
    [{ 'io.enxame.priority': '9999999' }, "Label io.enxame.priority is '9999999'"],
    [{ [POLICIES]: '["off","auto"]' }, "too many reschedule policies: 'off' and 'auto'"],
    [{ [POLICIES]: '["never"]' }, "Unknown reschedule policy 'never': use auto, on-node-failure, off"],
    [{ [POLICIES]: 'off' }, `Label ${POLICIES} must be a JSON array`],
  ])('%j is refused in one line', (Labels, message) => {
    expect(() => specOf({ Labels })).toThrow(expect.objectContaining({ status: 400 }));
    expect(() => specOf({ Labels })).toThrow(message);
    expect(() => specOf({ Labels })).not.toThrow('\n');
  });

  test('a label that is nearly one of ours is told', () => {
    const spot = { 'io.enxame.spot': 'never' };
    const attempt = { 'io.enxame.attempt.5fdbd1be737f0af6': 'of the cluster above' };
    const { warnings } = specOf({
      Labels: { 'io.enxame.priorty': '1', 'io.enxame.group': 'web', other: '', ...spot, ...attempt },
    });
    expect(warnings).toEqual([
      "label 'io.enxame.priorty' means nothing to the manager: did you mean io.enxame.priority?",
    ]);
  });
});

describe('what binds a container to its node', () => {
  test.each([
    ['nothing', {}, undefined],
    ['a named volume, as far as its body says', { Binds: ['data:/data'] }, undefined],
    ['anonymous volumes and tmpfs', { Mounts: [{ Type: 'volume', Target: '/d' }, { Type: 'tmpfs' }] }, undefined],
    ['a bind', { Binds: ['/srv:/srv:ro'] }, 'bind mount /srv'],
    ['a bind as a mount', { Mounts: [{ Type: 'bind', Source: '/srv', Target: '/srv' }] }, 'bind mount /srv'],
    ['a Windows path', { Binds: ['C:\\data:D:\\data'] }, 'bind mount C:\\data'],
    [
      'sockets and time zones',
      {
        Binds: [
          '/var/run/docker.sock:/var/run/docker.sock',
          '/etc/localtime:/etc/localtime:ro',
          '/usr/share/zoneinfo:/usr/share/zoneinfo:ro',
          '/dev/log:/dev/log',
        ],
        Mounts: [{ Type: 'bind', Source: '/run/mysqld/mysqld.sock', Target: '/s' }],
      },
      undefined,
    ],
    ['a folder that is called like a time zone file', { Binds: ['/etc/localtimes:/x'] }, 'bind mount /etc/localtimes'],
    ['a device', { Devices: [{ PathOnHost: '/dev/ttyUSB0' }] }, 'device /dev/ttyUSB0'],
    ['GPUs', { DeviceRequests: [{ Count: -1 }] }, 'requested devices (GPUs)'],
    ['another container’s volumes', { VolumesFrom: ['db:ro'] }, 'volumes of container db'],
    ['several things', { Binds: ['/a:/a', '/a:/b', '/c:/c'] }, 'bind mount /a, bind mount /c'],
  ])('%s', (_case, HostConfig, expected) => {
    expect(specOf({ HostConfig }).terms.boundBy).toBe(expected);
  });

  test('is its volumes and networks on that node, too', () => {
    const asked = specOf({ HostConfig: { Binds: ['data:/data', '/srv:/srv'] } }).terms;
    expect(tied(asked, { localVolumes: ['data'], localNetworks: ['front'] })).toMatchObject({
      boundBy: 'volume "data", bind mount /srv',
      localNetworks: ['front'],
    });
    expect(tied(asked, { localVolumes: [], localNetworks: [] })).toEqual(asked);
  });
});

test.each([
  [{ RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } }, 'on-failure:2'],
  [{ RestartPolicy: { Name: '' } }, 'always'],
  [{ Memory: 1 }, 'always'],
  [undefined, 'always'],
])('an update with %j leaves the restart policy %s', (body, restart) => {
  expect(updated({ restart: 'always', priority: 0 }, body).restart).toBe(restart);
});

test.each([
  [{ Env: ['reschedule:auto'], HostConfig: { AutoRemove: true } }, /^reschedule policy 'auto' means nothing: .*--rm/],
  [{ Env: ['reschedule:off'], HostConfig: { AutoRemove: true } }, undefined],
  [
    {
      Env: ['reschedule:auto'],
      HostConfig: { AutoRemove: true },
      Labels: { ...SERVICE, 'com.docker.compose.oneoff': 'True' },
    },
    undefined,
  ],
  [{ Labels: { 'io.enxame.fence': 'strict', 'io.enxame.return': 'keep-old' } }, /keep-old means nothing/],
  [{ Labels: { 'io.enxame.return': 'keep-old' } }, undefined],
  [{ Labels: { 'io.enxame.fence': 'strict', 'io.enxame.move': 'start-first' } }, /start-first means nothing/],
  [{ Labels: { 'io.enxame.move': 'start-first' } }, undefined],
  [{ Env: ['reschedule:auto'] }, /'auto' moves nothing without a restart policy/],
  [{ Env: ['reschedule:auto'], Labels: SERVICE }, undefined],
  [{ Env: ['reschedule:auto'], HostConfig: { RestartPolicy: { Name: 'always' } } }, undefined],
])('of %j its client is warned: %s', (body, warning) => {
  const { warnings } = specOf(body);
  expect(warnings).toEqual(warning === undefined ? [] : [expect.stringMatching(warning)]);
});
