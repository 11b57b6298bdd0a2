import { describe, expect, test } from 'vitest';
import { readReferences } from './references.ts';

describe('readReferences', () => {
  test.each([
    ['no network named', {}, []],
    ['predefined networks', { HostConfig: { NetworkMode: 'host' } }, []],
    ['the network mode', { HostConfig: { NetworkMode: 'front' } }, ['front']],
    ['another container’s network', { HostConfig: { NetworkMode: 'container:web' } }, []],
    [
      'several endpoints, each once',
      { HostConfig: { NetworkMode: 'front' }, NetworkingConfig: { EndpointsConfig: { front: {}, back: null } } },
      ['front', 'back'],
    ],
  ])('networks: %s', (_case, body, networks) => {
    expect(readReferences({ Image: 'redis', ...body }).networks).toEqual(networks);
  });

  test.each([
    ['named binds', { Binds: ['data:/data', 'logs:/logs:ro'] }, ['data', 'logs']],
    ['host paths', { Binds: ['/srv:/srv', './x:/x'] }, []],
    [
      'mounts',
      {
        Mounts: [{ Type: 'volume', Source: 'data', Target: '/d' }, { Type: 'bind', Source: '/srv' }, { Type: 'tmpfs' }],
      },
      ['data'],
    ],
    ['a volume named twice', { Binds: ['data:/a'], Mounts: [{ Type: 'volume', Source: 'data' }] }, ['data']],
    ['anonymous volumes', { Mounts: [{ Type: 'volume', Target: '/d' }] }, []],
    ['nonsense', { Binds: [1, null, 'x'], Mounts: [null] }, []],
  ])('volumes: %s', (_case, HostConfig, volumes) => {
    expect(readReferences({ Image: 'redis', HostConfig }).volumes).toEqual(volumes);
  });

  test.each([[null], ['text'], [[]], [{}], [{ Image: '' }], [{ Image: 5 }]])('refuses %j', (body) => {
    expect(() => readReferences(body)).toThrow(/create a container: /);
  });
});
