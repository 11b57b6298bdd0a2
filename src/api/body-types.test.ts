import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';

let world: FakeManager;

beforeAll(async () => {
  world = await FakeManager.start([{ images: ['busybox:latest'] }]);
});

afterAll(() => world?.close());

test.each([
  ['volumes', { Name: 'v1', Labels: 5 }, 'create a volume: Labels is a number, not an object'],
  ['volumes', { Name: 'v1', Labels: { a: 5 } }, 'create a volume: Labels.a is a number, not a text'],
  ['volumes', { Name: 'v1', DriverOpts: ['a'] }, 'create a volume: DriverOpts is a list, not an object'],
  ['networks', { Name: 'n', IPAM: { Config: 'x' } }, 'create a network: IPAM.Config is a text, not a list'],
  ['networks', { Name: 'n', IPAM: { Config: [null] } }, 'create a network: IPAM.Config[0] is null, not an object'],
  [
    'networks',
    { Name: 'n', IPAM: { Config: [{ Subnet: 5 }] } },
    'create a network: IPAM.Config[0].Subnet is a number, not a text',
  ],
  ['networks', { Name: 'n', ConfigFrom: 5 }, 'create a network: ConfigFrom is a number, not an object'],
  [
    'containers',
    { Image: 'busybox', Env: ['constraint:node==node-1'], Labels: 'x' },
    'create a container: Labels is a text, not an object',
  ],
  [
    'containers',
    { Image: 'busybox', Env: ['constraint:node==node-1', 5] },
    'create a container: Env[1] is a number, not a text',
  ],
])('a create of %s with %j is refused, and leaves nothing behind', async (kind, body, message) => {
  const answer = await world.call('POST', `/${kind}/create`, body);
  expect([answer.status, answer.json]).toEqual([400, { message }]);
  expect((await world.call('GET', '/volumes')).json.Volumes).toEqual([]);
  expect((await world.call('GET', '/containers/json?all=1')).json).toEqual([]);
});

test('null is nothing, as Go decodes it', async () => {
  const body = { Name: 'nothing', Driver: null, DriverOpts: null, Labels: null };
  expect((await world.call('POST', '/volumes/create', body)).status).toBe(201);
  const container = { Image: 'busybox', Env: null, Labels: null };
  expect((await world.call('POST', '/containers/create', container)).status).toBe(201);
});
