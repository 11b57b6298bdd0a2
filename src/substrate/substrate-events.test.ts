import { describe, expect, test } from 'vitest';
import type { EngineEvent } from '../engine/types.ts';
import { SubstrateEvents } from './substrate-events.ts';

const CLUSTER_ID = 'a'.repeat(25);

function event(
  Type: string,
  Action: string,
  scope: string,
  ID: string = CLUSTER_ID,
  name: string = 'web',
): EngineEvent {
  return { Type, Action, scope, Actor: { ID, Attributes: { name } } };
}

describe('SubstrateEvents', () => {
  test.each([
    { name: 'a container', of: event('container', 'start', 'local', 'f'.repeat(64)), shown: true },
    { name: 'a local network', of: event('network', 'create', 'local', 'f'.repeat(64)), shown: true },
    { name: 'a connection', of: event('network', 'connect', 'local'), shown: true },
    { name: 'the ingress network', of: event('network', 'create', 'local', CLUSTER_ID, 'ingress'), shown: false },
    {
      name: 'the gateway bridge',
      of: event('network', 'create', 'local', 'f'.repeat(64), 'docker_gwbridge'),
      shown: false,
    },
    {
      name: 'the gateway bridge’s connections',
      of: event('network', 'connect', 'local', 'f'.repeat(64), 'docker_gwbridge'),
      shown: false,
    },
    { name: 'a swarm node', of: event('node', 'update', 'swarm'), shown: false },
    { name: 'a node of the cluster itself', of: event('node', 'engine_connect', ''), shown: true },
    { name: 'setting a cluster network up', of: event('network', 'create', 'local'), shown: false },
    { name: 'allocating a cluster network', of: event('network', 'update', 'swarm'), shown: false },
  ])('$name: $shown', ({ of, shown }) => {
    expect(new SubstrateEvents().isShown(of)).toBe(shown);
  });

  test('a cluster network is told of once, though every manager says it', () => {
    const events = new SubstrateEvents();
    for (const action of ['create', 'remove']) {
      const heard = [1, 2, 3].map(() => events.isShown(event('network', action, 'swarm')));
      expect(heard).toEqual([true, false, false]);
    }
  });
});
