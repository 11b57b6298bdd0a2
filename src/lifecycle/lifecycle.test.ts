import { describe, expect, test } from 'vitest';
import { fullDiskRecords, memoryDesired, memoryRecords } from '../../test/fakes/memory-records.ts';
import { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { Stops } from '../cluster/stops.ts';
import { Tombstones } from '../cluster/tombstones.ts';
import { systemClock } from '../common/clock.ts';
import { ClusterError, NotFoundError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import { parseSpec } from '../desired/container-spec.ts';
import type { LifecycleDeps } from './deps.ts';
import { ContainerLifecycle } from './lifecycle.ts';
import type { Removal } from './operations.ts';

const OPTIONS = { createRetries: 0 };
const CALL = { api: '1.44', signal: new AbortController().signal } as const;

/** A container on an engine that says whether it is one of `--rm`, started on networks that behave as told. */
async function world(start: LifecycleDeps['networks']['start'], isAutomatic: boolean) {
  const asked: string[] = [];
  const client = {
    request: async ({ method, path }: { method: string; path: string }) => {
      asked.push(`${method} ${path}`);
      return { statusCode: 204, body: Buffer.alloc(0) };
    },
    json: async ({ method, path }: { method: string; path: string }) => {
      asked.push(`${method} ${path}`);
      return { HostConfig: { AutoRemove: isAutomatic } };
    },
  };
  const removed: string[] = [];
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
  cluster.removeContainer = (_node, engineId) => void removed.push(engineId);
  const node = { isHealthy: true, name: 'one', client, refreshContainers: async () => undefined };
  const stops = await Stops.open(memoryRecords());
  const desired = await memoryDesired();
  const deps = { networks: { start }, cluster, stops, desired, logger: silentLogger() } as unknown as LifecycleDeps;
  const container = { node, id: 'c', engineId: 'c', name: 'c' } as unknown as Container;
  const operation = { kind: 'start', search: '' } as const;
  return { act: () => new ContainerLifecycle(deps, OPTIONS).operate(container, operation, CALL), asked, removed };
}

describe('starting a container', () => {
  test('goes through the networks, which may ask the engine several times', async () => {
    const { act, asked } = await world(async (_container, call) => {
      await call();
      return call();
    }, false);
    expect((await act()).statusCode).toBe(204);
    expect(asked).toEqual(['POST /containers/c/start', 'POST /containers/c/start']);
  });

  test.each([
    { name: 'of --rm is removed, as its engine would have', code: 'ATTACH_REFUSED', isAutomatic: true, removed: ['c'] },
    { name: 'stays', code: 'ATTACH_REFUSED', isAutomatic: false, removed: [] },
    { name: 'that its engine still tries is left to it', code: 'ATTACH_IMPOSSIBLE', isAutomatic: true, removed: [] },
  ])('refused: one $name', async ({ code, isAutomatic, removed: expected }) => {
    const refusal = new ClusterError('Address already in use', { code, status: 403 });
    const { act, removed } = await world(() => Promise.reject(refusal), isAutomatic);
    await expect(act()).rejects.toBe(refusal);
    expect(removed).toEqual(expected);
  });
});

test('a create with an unknown network is no 404, on which clients would pull the image', async () => {
  const homesOf = (): never => {
    throw new NotFoundError('network nowhere not found', 'NO_SUCH_NETWORK');
  };
  const deps = {
    clock: systemClock,
    cluster: new Cluster({ clock: systemClock, logger: silentLogger() }),
    images: { isKnown: () => true },
    networks: { homesOf, refusalsFor: () => new Map() },
    volumes: { homesOf: () => [] },
  } as unknown as LifecycleDeps;
  const value = { Image: 'busybox', HostConfig: { NetworkMode: 'nowhere' } };
  const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus: 0 }, value);
  const call = { registryAuth: undefined, signal: new AbortController().signal };
  const created = new ContainerLifecycle(deps, OPTIONS).create(spec, call);
  await expect(created).rejects.toMatchObject({
    status: 400,
    message: 'network nowhere not found: create it first (docker network create)',
  });
});

describe('a container of a node that is down', () => {
  async function gone(kept = memoryRecords()) {
    const removed: string[] = [];
    const calls: string[] = [];
    const node = {
      id: 'e1',
      name: 'one',
      isHealthy: false,
      state: 'Unhealthy',
      waitingReason: () => undefined,
      reason: 'no answer',
      client: {
        request: async ({ path }: { path: string }) => {
          calls.push(path);
          return { statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) };
        },
      },
    };
    const tombstones = await Tombstones.open(kept);
    const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
    cluster.removeContainer = (_, id) => void removed.push(id);
    const networks = { attachEnded: async () => undefined };
    const stops = await Stops.open(memoryRecords());
    const desired = await memoryDesired();
    const deps = { cluster, networks, tombstones, desired, stops, logger: silentLogger() };
    const lifecycle = new ContainerLifecycle(deps as unknown as LifecycleDeps, OPTIONS);
    const container = { node, engineId: 'c', name: 'web' } as unknown as Container;
    const remove = (removal: Partial<Removal>) =>
      lifecycle.remove(container, { search: '', isForced: false, ...removal }, CALL);
    return { node, tombstones, removed, calls, remove };
  }

  test('is removed with force at once, and its node hears of it when it is back', async () => {
    const kept = memoryRecords();
    const { remove, removed, calls, tombstones } = await gone(kept);
    expect((await remove({ isForced: true, search: '?force=1&v=1' })).statusCode).toBe(204);
    expect({ removed, calls }).toEqual({ removed: ['c'], calls: [] });
    expect(tombstones.has('c')).toBe(true);
    // What was answered survives the manager.
    expect((await Tombstones.open(kept)).of('e1')).toEqual([
      { engineId: 'c', nodeId: 'e1', name: 'web', search: '?force=1&v=1' },
    ]);
  });

  test.each([{}, { link: 'web/db' }])('is not removed with %j', async (removal) => {
    const { remove, removed, tombstones } = await gone();
    await expect(remove(removal)).rejects.toThrow('container web is on node one, which is unhealthy');
    expect({ removed, size: tombstones.size }).toEqual({ removed: [], size: 0 });
  });

  test('stays when its removal could not be written', async () => {
    const { remove, removed, tombstones } = await gone(fullDiskRecords({ isFull: true }));
    await expect(remove({ isForced: true })).rejects.toThrow('No space left on device');
    expect({ removed, isHidden: tombstones.has('c') }).toEqual({ removed: [], isHidden: false });
  });

  test('is removed when its node is lost meanwhile', async () => {
    const { node, remove, removed } = await gone();
    node.isHealthy = true;
    node.client.request = () => {
      node.isHealthy = false;
      return Promise.reject(new Error('the node is lost'));
    };
    expect((await remove({ isForced: true })).statusCode).toBe(204);
    expect(removed).toEqual(['c']);
  });
});

test('a removal on a full disk succeeds, though its stop cannot be forgotten', async () => {
  const disk = { isFull: false };
  const stops = await Stops.open(fullDiskRecords(disk));
  await stops.add('c');
  disk.isFull = true;
  const request = async () => ({ statusCode: 204, rawHeaders: [], body: Buffer.alloc(0) });
  const cluster = new Cluster({ clock: systemClock, logger: silentLogger() });
  const removed: string[] = [];
  cluster.removeContainer = (_, id) => void removed.push(id);
  const networks = { attachEnded: async () => undefined };
  const desired = await memoryDesired();
  const deps = { cluster, networks, stops, desired, logger: silentLogger() } as unknown as LifecycleDeps;
  const container = { node: { isHealthy: true, client: { request } }, engineId: 'c', name: 'c' };
  const removal = { search: '', isForced: false };
  const answer = await new ContainerLifecycle(deps, OPTIONS).remove(container as unknown as Container, removal, CALL);
  expect([answer.statusCode, removed]).toEqual([204, ['c']]);
});

test('a stop of a container that does not run is remembered until it is started', async () => {
  const stops = await Stops.open(memoryRecords());
  const request = async () => ({ statusCode: 304, rawHeaders: [], body: Buffer.alloc(0) });
  const refresh = { refreshContainers: async () => undefined, refreshStopped: async () => undefined };
  const node = { isHealthy: true, name: 'one', client: { request }, ...refresh };
  const networks = { start: (_: unknown, call: () => unknown) => call() };
  const lifecycle = new ContainerLifecycle(
    {
      networks,
      stops,
      desired: await memoryDesired(),
      cluster: new Cluster({ clock: systemClock, logger: silentLogger() }),
      logger: silentLogger(),
    } as unknown as LifecycleDeps,
    OPTIONS,
  );
  const act = (action: 'start' | 'stop', state: string) =>
    lifecycle.operate(
      { node, engineId: 'c', name: 'c', state } as unknown as Container,
      { kind: action, search: '' },
      CALL,
    );
  await act('stop', 'running');
  expect(stops.has('c')).toBe(false);
  await act('stop', 'exited');
  expect(stops.has('c')).toBe(true);
  await act('start', 'exited');
  expect(stops.has('c')).toBe(false);
});
