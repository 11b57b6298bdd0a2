import { describe, expect, test } from 'vitest';
import { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import { systemClock } from '../common/clock.ts';
import { NotFoundError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import { ContainerLifecycle, type LifecycleContext } from './lifecycle.ts';

interface Answer {
  readonly statusCode: number;
  readonly message?: string;
}

const UNHEARD: Answer = {
  statusCode: 404,
  message: 'could not find a network matching network mode web: network web not found',
};
const STARTED: Answer = { statusCode: 204 };

/** Starts a container whose engine answers one after the other, and tells what the client got and how often was asked. */
async function startWith(...answers: Answer[]): Promise<{ status: number; calls: number }> {
  let calls = 0;
  const request = async (): Promise<unknown> => {
    const { statusCode, message } = answers[Math.min(calls++, answers.length - 1)] ?? STARTED;
    return { statusCode, body: Buffer.from(message === undefined ? '' : JSON.stringify({ message })) };
  };
  const node = { isHealthy: true, name: 'one', client: { request }, refreshContainers: async () => undefined };
  const networks = {
    retryDelayMs: ({ message }: { message: string }, attempt: number) =>
      /network web not found/.test(message) && attempt < 3 ? 0 : undefined,
  };
  const context = { networks, logger: silentLogger() } as unknown as LifecycleContext;
  const container = { node, engineId: 'c', name: 'c' } as unknown as Container;
  const answer = await new ContainerLifecycle(context).act(container, 'start', {
    search: '',
    api: '1.44',
    signal: new AbortController().signal,
  });
  return { status: answer.statusCode, calls };
}

describe('starting a container', () => {
  test.each([
    { name: 'started at once', answers: [STARTED], status: 204, calls: 1 },
    { name: 'running already', answers: [{ statusCode: 304 }], status: 304, calls: 1 },
    {
      name: 'a network that the engine has not heard of yet',
      answers: [UNHEARD, UNHEARD, STARTED],
      status: 204,
      calls: 3,
    },
    { name: 'a network it never hears of', answers: [UNHEARD], status: 404, calls: 3 },
    {
      name: 'no such container',
      answers: [{ statusCode: 404, message: 'No such container: c' }],
      status: 404,
      calls: 1,
    },
  ])('$name', async ({ answers, status, calls }) => {
    expect(await startWith(...answers)).toEqual({ status, calls });
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
