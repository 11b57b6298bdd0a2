import { describe, expect, test } from 'vitest';
import { editCreateBody } from './create-body.ts';

const NOTHING = {
  image: undefined,
  env: undefined,
  labels: {},
  cpuShares: undefined,
  engineReference: (name: string) => name,
  networkName: (name: string) => name,
};

describe('editCreateBody', () => {
  test('changes nothing when there is nothing to change, not even white space', () => {
    const text = '{ "Image" : "redis",\n "HostConfig": { "Memory": 9007199254740993 } }';
    expect(editCreateBody(text, JSON.parse(text), NOTHING)).toBe(text);
  });

  test('edits only its own members; large numbers and unknown fields stay', () => {
    const text =
      '{"Image":"redis@sha256:1","Env":["A=1","constraint:x==y"],"Labels":{"a":"1"},"HostConfig":{"CpuShares":2,"New":9007199254740993}}';
    const edits = { ...NOTHING, image: 'redis:7', env: ['A=1'], labels: { b: '2' }, cpuShares: 2048 };
    expect(editCreateBody(text, JSON.parse(text), edits)).toBe(
      '{"Image":"redis:7","Env":["A=1"],"Labels":{"a":"1","b":"2"},"HostConfig":{"CpuShares":2048,"New":9007199254740993}}',
    );
  });

  test('labels that were null are made', () => {
    const text = '{"Image":"redis","Labels":null}';
    expect(JSON.parse(editCreateBody(text, JSON.parse(text), { ...NOTHING, labels: { a: '1' } })).Labels).toEqual({
      a: '1',
    });
  });

  test('links in a network of the user’s own become names there', () => {
    const names = { ...NOTHING, networkName: (name: string) => name.replace(/^bee\//, '') };
    const HostConfig = { NetworkMode: 'front', Links: ['bee/web:db'] };
    const endpoints = { front: { Links: ['bee/web:db', 'other'] }, back: null };
    const edited = (EndpointsConfig: object): Record<string, unknown> => {
      const body = { Image: 'redis', HostConfig, NetworkingConfig: { EndpointsConfig } };
      return JSON.parse(editCreateBody(JSON.stringify(body), body, names));
    };
    expect(edited({ front: endpoints.front })).toEqual({
      Image: 'redis',
      HostConfig,
      NetworkingConfig: { EndpointsConfig: { front: { Links: ['web:db', 'other'] } } },
    });
    expect(edited(endpoints).HostConfig).toEqual({ NetworkMode: 'front', Links: null });
  });

  test('references to containers become what the engine knows', () => {
    const HostConfig = {
      NetworkMode: 'container:bee/web',
      PidMode: 'host',
      IpcMode: 'container:web',
      VolumesFrom: ['bee/web:ro', 'other'],
      Links: ['bee/web:db'],
    };
    const text = JSON.stringify({ Image: 'redis', HostConfig });
    const engineReference = (name: string): string => (name === 'bee/web' || name === 'web' ? 'e'.repeat(64) : name);
    expect(JSON.parse(editCreateBody(text, JSON.parse(text), { ...NOTHING, engineReference })).HostConfig).toEqual({
      NetworkMode: `container:${'e'.repeat(64)}`,
      PidMode: 'host',
      IpcMode: `container:${'e'.repeat(64)}`,
      VolumesFrom: [`${'e'.repeat(64)}:ro`, 'other'],
      Links: [`${'e'.repeat(64)}:db`],
    });
  });
});

test('volumes without a name are left empty by the engine, however they were asked for', () => {
  const body = {
    Image: 'db',
    Volumes: { '/a': {} },
    HostConfig: {
      Binds: ['/b', 'named:/n', '/srv:/s'],
      Mounts: [
        { Type: 'volume', Target: '/c/', VolumeOptions: { Labels: { x: 'y' } } },
        { Type: 'tmpfs', Target: '/t' },
      ],
    },
  };
  const edits = { env: undefined, labels: {}, cpuShares: undefined, image: undefined };
  const references = { engineReference: (name: string) => name, networkName: (name: string) => name };
  const edited = editCreateBody(JSON.stringify(body), body, {
    ...edits,
    ...references,
    emptyVolumes: ['/a', '/b', '/c'],
  });
  expect(JSON.parse(edited).HostConfig).toEqual({
    Binds: ['named:/n', '/srv:/s'],
    Mounts: [
      { Type: 'tmpfs', Target: '/t' },
      { Type: 'volume', Target: '/a', VolumeOptions: { NoCopy: true } },
      { Type: 'volume', Target: '/b', VolumeOptions: { NoCopy: true } },
      { Type: 'volume', Target: '/c/', VolumeOptions: { Labels: { x: 'y' }, NoCopy: true } },
    ],
  });
});
