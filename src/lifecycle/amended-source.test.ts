import { describe, expect, test } from 'vitest';
import type { Amendment } from '../desired/record.ts';
import { amendedSource } from './amended-source.ts';

const IDS: Readonly<Record<string, string>> = { front: 'id-front', back: 'id-back' };

function amended(body: object, amendments: readonly Amendment[]): { body: unknown; disconnects: readonly string[] } {
  const source = { text: JSON.stringify(body), api: '1.44', largestNodeCpus: 4 } as const;
  const { source: made, disconnects } = amendedSource({ source, amendments }, (network) => IDS[network] ?? network);
  return { body: JSON.parse(made.text), disconnects };
}

const connect = (network: string, EndpointConfig: object = {}): Amendment => ({
  kind: 'connect',
  network,
  body: JSON.stringify({ EndpointConfig }),
});
const disconnect = (network: string): Amendment => ({ kind: 'disconnect', network });

describe('updates', () => {
  test('are members of the host configuration, but for those that engines leave', () => {
    const update = {
      Memory: 64_000_000,
      CpuShares: 0,
      CpusetCpus: '',
      PidsLimit: null,
      BlkioWeightDevice: [],
      RestartPolicy: { Name: '', MaximumRetryCount: 0 },
    };
    const made = amended({ Image: 'a', HostConfig: { Memory: 1, RestartPolicy: { Name: 'always' } } }, [
      { kind: 'update', body: JSON.stringify(update) },
      { kind: 'update', body: JSON.stringify({ RestartPolicy: { Name: 'no' }, PidsLimit: 0 }) },
    ]);
    expect(made.body).toEqual({
      Image: 'a',
      HostConfig: { Memory: 64_000_000, RestartPolicy: { Name: 'no' }, PidsLimit: 0 },
    });
  });

  test('leave a body without any as it came', () => {
    const source = { text: '{"Image":"a", "HostConfig": {}}', api: '1.44', largestNodeCpus: 4 } as const;
    expect(amendedSource({ source, amendments: [] }, (each) => each).source).toBe(source);
  });

  test('with CPU shares mean shares, not whole CPUs', () => {
    const source = { text: '{"Image":"a","HostConfig":{"CpuShares":2}}', api: '1.44', largestNodeCpus: 4 } as const;
    const amendments: Amendment[] = [{ kind: 'update', body: '{"CpuShares":4}' }];
    expect(amendedSource({ source, amendments }, (each) => each).source.largestNodeCpus).toBe(0);
  });
});

describe('networks', () => {
  test.each([
    ['one more, beside the default bridge', {}, [connect('front')], { bridge: {}, front: {} }, []],
    [
      'one more, with its aliases',
      { HostConfig: { NetworkMode: 'back' } },
      [connect('front', { Aliases: ['db'] })],
      { back: {}, front: { Aliases: ['db'] } },
      [],
    ],
    ['one less', endpoints({ back: {}, front: {} }, 'back'), [disconnect('front')], { back: {} }, []],
    [
      'one less, by another name of it',
      endpoints({ back: {}, front: {} }, 'back'),
      [disconnect('id-front')],
      { back: {} },
      [],
    ],
    [
      'none but the new one',
      { HostConfig: { NetworkMode: 'back' } },
      [connect('front'), disconnect('back')],
      { back: {}, front: {} },
      ['back'],
    ],
    [
      'the same again',
      { HostConfig: { NetworkMode: 'back' } },
      [disconnect('back'), connect('back')],
      { back: {} },
      [],
    ],
    [
      'there and back',
      { HostConfig: { NetworkMode: 'back' } },
      [connect('front'), disconnect('front')],
      { back: {} },
      [],
    ],
    ['off the default bridge', {}, [connect('front'), disconnect('bridge')], { bridge: {}, front: {} }, ['bridge']],
  ])('%s', (_case, body, amendments, expected, disconnects) => {
    const made = amended({ Image: 'a', ...body }, amendments as readonly Amendment[]);
    expect(made.disconnects).toEqual(disconnects);
    expect((made.body as { NetworkingConfig: { EndpointsConfig: object } }).NetworkingConfig.EndpointsConfig).toEqual(
      expected,
    );
  });
});

function endpoints(EndpointsConfig: object, NetworkMode: string): object {
  return { HostConfig: { NetworkMode }, NetworkingConfig: { EndpointsConfig } };
}
