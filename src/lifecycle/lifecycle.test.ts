import { describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { systemClock } from '../common/clock.ts';
import { ClusterError, NotFoundError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import { ContainerLifecycle, type LifecycleContext } from './lifecycle.ts';

/** A container on an engine that says whether it is one of `--rm`, started on networks that behave as told. */
function world(start: LifecycleContext['networks']['start'], isAutomatic: boolean) {
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
  const cluster = { removeContainer: (_node: unknown, engineId: string) => removed.push(engineId) };
  const node = { isHealthy: true, name: 'one', client, refreshContainers: async () => undefined };
  const context = { networks: { start }, cluster, logger: silentLogger() } as unknown as LifecycleContext;
  const container = { node, engineId: 'c', name: 'c' } as unknown as Container;
  const request = { search: '', api: '1.44', signal: new AbortController().signal } as const;
  return { act: () => new ContainerLifecycle(context).act(container, 'start', request), asked, removed };
}

describe('starting a container', () => {
  test('goes through the networks, which may ask the engine several times', async () => {
    const { act, asked } = world(async (_container, call) => {
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
    const { act, removed } = world(() => Promise.reject(refusal), isAutomatic);
    await expect(act()).rejects.toBe(refusal);
    expect(removed).toEqual(expected);
  });
});

test('a create with an unknown network is no 404, on which clients would pull the image', async () => {
  const homesOf = (): never => {
    throw new NotFoundError('network nowhere not found', 'NO_SUCH_NETWORK');
  };
  const context = {
    cluster: new Cluster(systemClock, silentLogger()),
    images: { isKnown: () => true },
    networks: { homesOf },
    volumes: { homesOf: () => [] },
  } as unknown as LifecycleContext;
  const value = { Image: 'busybox', HostConfig: { NetworkMode: 'nowhere' } };
  const created = new ContainerLifecycle(context).create({
    text: JSON.stringify(value),
    value,
    name: undefined,
    platform: undefined,
    registryAuth: undefined,
    api: '1.44',
    signal: new AbortController().signal,
  });
  await expect(created).rejects.toMatchObject({
    status: 400,
    message: 'network nowhere not found: create it first (docker network create)',
  });
});
