import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reservationOf } from './host-config.ts';
import { parsePlacement } from './placement.ts';

const CONSTRAINTS = 'com.docker.swarm.constraints';
const AFFINITIES = 'com.docker.swarm.affinities';
const POLICIES = 'com.docker.swarm.reschedule-policies';
const WHITELISTS = 'com.docker.swarm.whitelists';

describe('directives', () => {
  it('are taken out of the environment and kept as labels', () => {
    const { request, strippedEnv, labelsToAdd } = parsePlacement({
      Image: 'redis',
      Env: [
        'A=1',
        'constraint:storage==ssd',
        'affinity:container!=~redis_*',
        'reschedule:on-node-failure',
        'whitelist:node==a|b',
        'constraints=y',
      ],
    });
    expect(strippedEnv).toEqual(['A=1', 'constraints=y']);
    expect(labelsToAdd).toEqual({
      [CONSTRAINTS]: '["storage==ssd"]',
      [AFFINITIES]: '["container!=~redis_*"]',
      [POLICIES]: '["on-node-failure"]',
      [WHITELISTS]: '["node==a|b"]',
    });
    expect(request).toMatchObject({
      image: 'redis',
      constraints: [{ key: 'storage', isSoft: false }],
      affinities: [{ key: 'container', operator: '!=', isSoft: true }],
      reschedule: 'on-node-failure',
      whitelists: [{ names: new Set(['a', 'b']) }],
    });
  });

  it('come from labels too, before those of the environment, each once', () => {
    const { request, labelsToAdd } = parsePlacement({
      Env: ['constraint:region==us', 'constraint:storage==ssd'],
      Labels: { [CONSTRAINTS]: '["storage==ssd"]', [AFFINITIES]: '["image==redis"]' },
    });
    expect(request.constraints.map(({ text }) => text)).toEqual(['storage==ssd', 'region==us']);
    expect(request.affinities.map(({ text }) => text)).toEqual(['image==redis']);
    expect(labelsToAdd).toEqual({ [CONSTRAINTS]: '["storage==ssd","region==us"]' });
  });

  it('change nothing when there are none', () => {
    const parsed = parsePlacement({ Image: 'redis', Env: ['A=1'], Labels: { a: 'b' } });
    expect(parsed).toMatchObject({ strippedEnv: undefined, labelsToAdd: {}, engineCpuShares: undefined });
  });

  it('read the same from the labels they were stored in', () => {
    const first = parsePlacement({ Env: ['constraint:storage==~ssd', 'reschedule:on-node-failure='] });
    const again = parsePlacement({ Labels: first.labelsToAdd });
    expect(JSON.stringify(again.request)).toBe(JSON.stringify(first.request));
  });

  it.each([
    [{ Env: ['constraint:storage'] }, 'One of operator ==, != is expected'],
    [{ Env: ['constraint:s==x'] }, "Key 's' is invalid"],
    [{ Labels: { [CONSTRAINTS]: 'storage==ssd' } }, `Label ${CONSTRAINTS} must be a JSON array`],
    [{ Labels: { [AFFINITIES]: '[1]' } }, `Label ${AFFINITIES} must be a JSON array`],
    [{ Env: ['reschedule:on-node-failure', 'reschedule:off'] }, 'too many reschedule policies'],
    [{ Env: ['reschedule:sometimes'] }, "Unknown reschedule policy 'sometimes'"],
    [{ Env: ['whitelist:node!=a'] }, "Whitelist 'node!=a' is invalid"],
    [{ Env: ['whitelist:node==|'] }, "Whitelist 'node==|' is invalid"],
    [{ Env: Array.from({ length: 65 }, (_, i) => `constraint:key${i}==x`) }, 'More than 64 constraint expressions'],
  ])('refuse %j', (body, message) => {
    expect(() => parsePlacement(body)).toThrow(message);
    expect(() => parsePlacement(body)).toThrow(expect.objectContaining({ status: 400 }));
  });
});

describe('resources', () => {
  it.each([
    ['nothing', {}, { memoryBytes: 0, nanoCpus: 0 }],
    ['a memory limit', { Memory: 100, MemoryReservation: 50 }, { memoryBytes: 100 }],
    ['a memory reservation', { Memory: 0, MemoryReservation: 50 }, { memoryBytes: 50 }],
    ['cpus', { NanoCpus: 5e8, CpuShares: 2048 }, { nanoCpus: 5e8 }],
    ['whole cpus as the swarm had them', { CpuShares: 2 }, { nanoCpus: 2e9 }],
    ['as many as the largest node has', { CpuShares: 4 }, { nanoCpus: 4e9 }],
    ['shares', { CpuShares: 512 }, { nanoCpus: 5e8 }],
    ['shares of which 1024 are a cpu', { CpuShares: 5 }, { nanoCpus: 4_882_813 }],
    ['nonsense', { Memory: 'lots', NanoCpus: -1, CpuShares: Number.NaN }, { memoryBytes: 0, nanoCpus: 0 }],
  ])('%s', (_name, HostConfig, expected) => {
    expect(parsePlacement({ HostConfig }, { largestNodeCpus: 4 }).request).toMatchObject(expected);
  });

  it('tell the engine shares for whole cpus, and read those shares back as the same reservation', () => {
    const { request, engineCpuShares } = parsePlacement({ HostConfig: { CpuShares: 3 } }, { largestNodeCpus: 4 });
    expect(engineCpuShares).toBe(3072);
    expect(reservationOf({ CpuShares: engineCpuShares }, {}, []).nanoCpus).toBe(request.nanoCpus);
  });
});

describe('ports', () => {
  const published = (containerPort: string, HostPort: string, HostIp = '') => ({
    HostConfig: { PortBindings: { [containerPort]: [{ HostIp, HostPort }] } },
  });
  it.each([
    ['a port', published('80/tcp', '8080'), [['tcp', '', 8080, 8080]]],
    ['a port on one address', published('53/udp', '53', '10.0.0.1'), [['udp', '10.0.0.1', 53, 53]]],
    ['a range', published('80/tcp', '999-1001'), [['tcp', '', 999, 1001]]],
    ['a range upside down', published('80/tcp', '1001-999'), []],
    ['no number', published('80/tcp', ''), []],
    ['zero', published('80/tcp', '0'), []],
    ['no port', published('80/tcp', '99999'), []],
    ['no bindings', { HostConfig: { PortBindings: { '80/tcp': null } } }, []],
    ['bridge: exposed is not published', { ExposedPorts: { '80/tcp': {} }, HostConfig: { PublishAllPorts: true } }, []],
    [
      'host network: exposed is taken',
      { ExposedPorts: { '80/tcp': {}, '90-91/udp': {} }, HostConfig: { NetworkMode: 'host' } },
      [
        ['tcp', '', 80, 80],
        ['udp', '', 90, 90],
        ['udp', '', 91, 91],
      ],
    ],
  ])('%s', (_name, body, expected) => {
    const { ports } = parsePlacement(body).request;
    expect(ports.map(({ protocol, ip, first, last }) => [protocol, ip, first, last])).toEqual(expected);
  });

  it('of a stopped container count with their fixed numbers, of a running one with the bound ones', () => {
    const { HostConfig } = published('80/tcp', '8080');
    const bound = [{ protocol: 'tcp', ip: '0.0.0.0', port: 32_768 }] as const;
    expect(reservationOf(HostConfig, {}, bound).ports).toEqual([{ protocol: 'tcp', ip: '', port: 8080 }, ...bound]);
  });
});

describe('dependencies and platform', () => {
  it('are read from links, volumes and shared namespaces', () => {
    const HostConfig = {
      Links: ['db:database', '/cache:/web/cache'],
      VolumesFrom: ['data:ro'],
      NetworkMode: 'container:vpn',
      PidMode: 'container:/app',
      IpcMode: 'container:bee-1/app',
    };
    expect(parsePlacement({ HostConfig }).request.dependencies).toEqual([
      { option: '--volumes-from', container: 'data' },
      { option: '--link', container: 'db' },
      { option: '--link', container: 'cache' },
      { option: '--network container', container: 'vpn' },
      { option: '--pid container', container: 'app' },
      { option: '--ipc container', container: 'bee-1/app' },
    ]);
  });

  it.each([
    ['linux/arm64/v8', { os: 'linux', architecture: 'arm64' }],
    ['windows', { os: 'windows' }],
    ['arm64', { os: 'linux', architecture: 'arm64' }],
    ['linux', { os: 'linux' }],
  ])('--platform %s', (platform, expected) => {
    expect(parsePlacement({}, { platform }).request.platform).toEqual(expected);
  });
});

it('any JSON is read without an exception', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (value, other) => {
      for (const body of [value, { Env: value, Labels: other, HostConfig: other }, { HostConfig: { Links: value } }]) {
        expect(() => parsePlacement(body)).not.toThrow();
      }
    }),
  );
});

it('few patterns may be compared with every container', () => {
  const Env = Array.from({ length: 17 }, (_, i) => `affinity:container!=/web${i}/`);
  expect(() => parsePlacement({ Image: 'redis', Env })).toThrow('More than 16 affinity expressions with a glob');
});
