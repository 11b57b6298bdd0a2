import { expect, test } from 'vitest';
import type { Container } from '../../simulator/container.ts';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import { silentLogger } from '../common/logger.ts';
import { createBodyOf } from './adopted-body.ts';
import { Adoption } from './adoption.ts';

const POLICIES = 'com.docker.swarm.reschedule-policies';
const PATIENT = { timeout: 150_000 };

function over(world: FakeLifecycle, isLocal: (name: string) => boolean = () => false): Adoption {
  const { fake, desired, attempts, volumes } = world;
  const networks = { isLocal } as never;
  return new Adoption({ cluster: fake.cluster, desired, attempts, volumes, networks, logger: silentLogger() });
}

test('a container with a policy that was not created here is recorded once', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const { engine, node } = world.fake.at(0);
  const labels = { [POLICIES]: '["on-node-failure"]' };
  const before = engine.run({ name: 'before', labels });
  await node.refreshContainers([before.id]);
  const adoption = over(world);
  adoption.start();
  engine.run({ name: 'plain' });
  const { id } = engine.run({ name: 'later', labels });
  await expect
    .poll(() => [...world.desired.all()].map(({ name }) => name).sort(), PATIENT)
    .toEqual(['before', 'later']);
  const record = world.desired.index.byName('later');
  expect(record).toMatchObject({
    id,
    wanted: 'running',
    current: { nodeId: node.id, engineId: id, generation: 0 },
    terms: { policy: 'on-node-failure' },
  });
  const body = await world.desired.body(record?.key ?? '');
  expect(JSON.parse(body.source.text)).toMatchObject({ Labels: labels });
  await node.refreshAllContainers();
  await adoption.stop();
  expect(world.desired.size).toBe(2);
});

test('what an interrupted create may have left is not recorded until it is judged, or started', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const { engine, node } = world.fake.at(0);
  const attempts = [world.attempts.next(), world.attempts.next()] as const;
  const [one, two] = attempts.map((attempt, n) => {
    const labels = { [POLICIES]: '["on-node-failure"]', [ATTEMPT_LABEL]: world.attempts.labelOf(attempt) };
    return engine.state.create({ name: `left-${n}`, labels });
  }) as [Container, Container];
  await node.refreshAllContainers();
  const adoption = over(world);
  adoption.start();
  const recorded = (): readonly string[] => [...world.desired.all()].map(({ name }) => name).sort();
  engine.run({ name: 'other', labels: { [POLICIES]: '["on-node-failure"]' } });
  await expect.poll(recorded, PATIENT).toEqual(['other']);
  engine.state.start(one);
  await expect.poll(recorded, PATIENT).toEqual(['left-0', 'other']);
  world.attempts.admit(attempts[1]);
  world.fake.cluster.setState(node, 'Unhealthy', 'cut off');
  world.fake.cluster.setState(node, 'Healthy', '');
  await expect.poll(recorded, PATIENT).toEqual(['left-0', 'left-1', 'other']);
  expect(world.desired.index.byEngineId(two.id)?.record.wanted).toBe('created');
  await adoption.stop();
});

test('one in a network of its node is tied to it', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const adoption = over(world, (name) => name === 'shop_default');
  adoption.start();
  world.fake
    .at(0)
    .engine.run({ name: 'shop', labels: { [POLICIES]: '["on-node-failure"]' }, networks: ['shop_default'] });
  await expect
    .poll(() => world.desired.index.byName('shop')?.terms, PATIENT)
    .toMatchObject({ localNetworks: ['shop_default'] });
  await adoption.stop();
});

test('one whose label cannot be read is left alone', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const { engine } = world.fake.at(0);
  const adoption = over(world);
  adoption.start();
  engine.run({ name: 'bad', labels: { [POLICIES]: 'always' } });
  engine.run({ name: 'good', labels: { [POLICIES]: '["off"]' } });
  await expect.poll(() => [...world.desired.all()].map(({ name }) => name), PATIENT).toEqual(['good']);
  await adoption.stop();
});

test('the body of a create is made of what an engine says of the container', () => {
  const id = `0123456789ab${'0'.repeat(52)}`;
  const inspected = `{"Id":"${id}","Config":{"Hostname":"0123456789ab","Image":"redis","Env":["A=1"]},
    "HostConfig":{"Memory":1099511627776123456789,"NetworkMode":"front"},
    "NetworkSettings":{"Networks":{"front":{"EndpointID":"e","IPAMConfig":{"IPv4Address":"10.0.0.9"},"Aliases":["db","0123456789ab"],"IPAddress":"10.0.0.9"},
      "back":{"EndpointID":"","IPAMConfig":{"IPv4Address":"10.1.0.9"},"Links":null,"DriverOpts":{"o":"1"}},"bridge":{}}}}`;
  const body = createBodyOf(inspected, id);
  expect(body).toContain('1099511627776123456789');
  expect(JSON.parse(body)).toEqual({
    Image: 'redis',
    Env: ['A=1'],
    HostConfig: { Memory: expect.any(Number), NetworkMode: 'front' },
    NetworkingConfig: {
      EndpointsConfig: {
        front: { Aliases: ['db'] },
        back: { IPAMConfig: { IPv4Address: '10.1.0.9' }, DriverOpts: { o: '1' } },
      },
    },
  });
});
