import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Container } from '../cluster/container.ts';
import { Node } from '../cluster/node.ts';
import type { EngineClient } from '../engine/client.ts';
import { Accounting } from './accounting.ts';

/** A node with one container whose inspections are counted. */
function world() {
  const clock = new FakeClock();
  const inspected: string[] = [];
  const client = {
    request: async ({ path }: { readonly path: string }) => {
      inspected.push(path);
      return { statusCode: 200, rawHeaders: [], body: Buffer.from('{"HostConfig":{"Memory":1024}}') };
    },
  } as unknown as EngineClient;
  const node = new Node('tcp://a:1', client, 'a');
  const summary = { Id: 'c1', Image: 'i', ImageID: 'i', Created: 1, State: 'running', Status: 'Up 2 hours' };
  const container = new Container(node, summary, 0);
  node.putContainer(container);
  return { accounting: new Accounting(clock, 1), container, inspected, clock };
}

async function turns(): Promise<void> {
  for (let i = 0; i < 5; i++) await turn();
}

test('inspections wait until the last hold ends', async () => {
  const { accounting, container, inspected } = world();
  const first = accounting.hold();
  const second = accounting.hold();
  accounting.learn(container);
  first();
  await turns();
  expect(inspected).toEqual([]);
  second();
  await accounting.settled();
  expect(container.node.reservedMemoryBytes).toBe(1024);
});

test('a hold that does not end is passed over after a while', async () => {
  const { clock, accounting, container, inspected } = world();
  accounting.hold();
  accounting.learn(container);
  await turns();
  expect(inspected).toEqual([]);
  clock.advance(5_000);
  await accounting.settled();
  expect(inspected).toEqual(['/containers/c1/json']);
});

test('who needs the reservations of a node does not wait for the hold', async () => {
  const { accounting, container, inspected } = world();
  accounting.hold();
  accounting.learn(container);
  await accounting.settledOn(container.node);
  expect(inspected).toEqual(['/containers/c1/json']);
});
