import { expect, test } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';

const CREATE = 'POST /containers/create';

function namesAt(world: FakeLifecycle, index: number): (string | null)[] {
  return world.fake
    .at(index)
    .engine.requestsTo(CREATE)
    .map(({ query }) => query.get('name'));
}

test('containers that nobody named get names from the manager, each once in the cluster', async () => {
  await using world = await FakeLifecycle.start([{}, {}]);
  await Promise.all(Array.from({ length: 24 }, () => world.made(undefined)));
  const names = [...namesAt(world, 0), ...namesAt(world, 1)];
  expect(new Set(names).size).toBe(24);
  expect(names.filter((name) => !/^[a-z]+_[a-z]+\d*$/.test(name ?? ''))).toEqual([]);
});

test('a name that the engine has already is replaced if the manager chose it', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const { engine } = world.fake.at(0);
  const message = 'Conflict. The container name "/x" is already in use by container "y".';
  let refusals = 0;
  engine.on(CREATE, (exchange) => {
    if (refusals++ > 0) return false;
    exchange.json(409, JSON.stringify({ message }));
    return true;
  });
  await world.made(undefined);
  const [first, second, ...more] = namesAt(world, 0);
  expect([first === second, more]).toEqual([false, []]);
});

test('a name that a client asked for is never changed', async () => {
  await using world = await FakeLifecycle.start([{}, {}]);
  const [one, two] = [world.fake.at(0), world.fake.at(1)];
  // Another manager's, of which this one has not heard when it creates.
  one.engine.on(CREATE, () => {
    two.engine.run({ name: 'web' });
    return false;
  });
  await world.made('web', { Env: ['constraint:node==node-1'] });
  await expect.poll(() => world.fake.cluster.containersNamed('web').length).toBe(2);
  expect(one.engine.requestsTo('POST /containers/*').map(({ target }) => target)).toEqual([
    expect.stringContaining('name=web'),
  ]);
  await expect(world.create('web')).rejects.toMatchObject({ status: 409 });
});
