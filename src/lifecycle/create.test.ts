import { describe, expect, test, vi } from 'vitest';
import { FakeLifecycle } from '../../test/fakes/lifecycle.ts';
import type { Node } from '../cluster/node.ts';

const CREATE = 'POST /containers/create';

function namesAt(world: FakeLifecycle, index: number): (string | null)[] {
  return world.fake
    .at(index)
    .engine.requestsTo(CREATE)
    .map(({ query }) => query.get('name'));
}

/** Names of the nodes that were asked to create, in the order of the nodes. */
function askedNodes(world: FakeLifecycle): string[] {
  return world.fake.nodes.filter((_, i) => namesAt(world, i).length > 0).map(({ name }) => name);
}

/** What all nodes hold, pending placements included, and which volumes have a home. */
function heldBy(world: FakeLifecycle, ...volumes: readonly string[]): object {
  return {
    containers: world.fake.nodes.reduce((sum, { ledger }) => sum + ledger.count, 0),
    memoryBytes: world.fake.nodes.reduce((sum, { ledger }) => sum + ledger.memoryBytes, 0),
    homes: world.volumes.homesOf(volumes).length,
  };
}

const NOTHING = { containers: 0, memoryBytes: 0, homes: 0 };
const BODY = { HostConfig: { Memory: 2 ** 26, Binds: ['data:/data'] } };

function refusedConnection(): Error {
  return new Error('the engine is not reached', {
    cause: Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }),
  });
}

test('containers without a name get one from the manager, each once in the cluster', async () => {
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

describe('a create that fails', () => {
  test('at an engine holds nothing afterwards, and its name is free', async () => {
    await using world = await FakeLifecycle.start([{}, {}]);
    const ends = world.fake.engines.map((engine) => engine.lie(CREATE, 500, { message: 'no space left on device' }));
    const answer = await world.create('web', BODY);
    expect([answer.statusCode, answer.body.toString()]).toEqual([500, '{"message":"no space left on device"}']);
    expect([askedNodes(world).length, heldBy(world, 'data')]).toEqual([1, NOTHING]);
    for (const end of ends) end();
    await world.made('web', BODY);
    expect(heldBy(world, 'data')).toEqual({ containers: 1, memoryBytes: 2 ** 26, homes: 1 });
  });

  test.each([
    { retries: 1, asked: 2, status: 500 },
    { retries: 2, asked: 3, status: 201 },
    { retries: 9, asked: 3, status: 201 },
  ])('at two engines of three is tried $retries times more', async ({ retries, asked, status }) => {
    await using world = await FakeLifecycle.start([{}, {}, {}], { createRetries: retries });
    let failures = 0;
    for (const { engine } of [world.fake.at(0), world.fake.at(1), world.fake.at(2)]) {
      engine.on(CREATE, (exchange) => {
        if (++failures > 2) return false;
        exchange.json(500, '{"message":"broken"}');
        return true;
      });
    }
    expect((await world.create('web', BODY)).statusCode).toBe(status);
    expect(askedNodes(world)).toHaveLength(asked);
    expect(heldBy(world, 'data')).toMatchObject(status === 201 ? { containers: 1, homes: 1 } : NOTHING);
  });

  test('at every engine ends with the answer of the last one', async () => {
    await using world = await FakeLifecycle.start([{}, {}], { createRetries: 9 });
    let failures = 0;
    for (const engine of world.fake.engines)
      engine.on(CREATE, (exchange) => {
        exchange.json(500, JSON.stringify({ message: `failure ${++failures}` }));
        return true;
      });
    const answer = await world.create('web');
    expect([answer.statusCode, answer.body.toString()]).toEqual([500, '{"message":"failure 2"}']);
    expect(askedNodes(world)).toHaveLength(2);
  });

  test('because the body is wrong is tried nowhere else', async () => {
    await using world = await FakeLifecycle.start([{}, {}], { createRetries: 9 });
    for (const engine of world.fake.engines) engine.lie(CREATE, 400, { message: 'invalid' });
    expect((await world.create('web')).statusCode).toBe(400);
    expect(askedNodes(world)).toHaveLength(1);
  });
});

describe('an engine that is not reached', () => {
  function notReaching(unreached: (node: Node) => boolean) {
    const asked: string[] = [];
    const ensureOn = async (node: Node, reference: string) => {
      asked.push(node.name);
      if (unreached(node)) throw refusedConnection();
      return { reference };
    };
    return { asked, options: { images: { ensureOn } } };
  }

  test('got nothing: the container is made on another one', async () => {
    let isFirst = true;
    const { asked, options } = notReaching(() => {
      const was = isFirst;
      isFirst = false;
      return was;
    });
    await using world = await FakeLifecycle.start([{}, {}], options);
    await world.made('web', BODY);
    expect(new Set(asked).size).toBe(2);
    expect([world.nodeOf('web')]).toEqual(asked.slice(1));
    expect(heldBy(world, 'data')).toMatchObject({ containers: 1, homes: 1 });
  });

  test('is one of three at most', async () => {
    const { asked, options } = notReaching(() => true);
    await using world = await FakeLifecycle.start([{}, {}, {}, {}], options);
    await expect(world.create('web', BODY)).rejects.toThrow('the engine is not reached');
    expect([new Set(asked).size, asked.length, heldBy(world, 'data')]).toEqual([3, 3, NOTHING]);
  });

  test('after it has made the container is the last: none is made elsewhere, and what it has is kept', async () => {
    await using world = await FakeLifecycle.start([{}, {}]);
    for (const { node } of [0, 1].map((i) => world.fake.at(i)))
      vi.spyOn(node, 'refreshContainers').mockRejectedValue(refusedConnection());
    await expect(world.create('web', BODY)).rejects.toMatchObject({
      code: 'NOT_LISTED',
      message: expect.stringMatching(/^container web was made on node .*the engine is not reached/),
    });
    expect(world.fake.engines.flatMap((engine) => [...engine.state.containers.values()])).toHaveLength(1);
    expect([...world.desired.all()].map(({ name, id }) => [name, id !== undefined])).toEqual([['web', true]]);
    expect(heldBy(world, 'data')).toMatchObject({ homes: 1 });
  });

  test('and may have got it already is the last: no container is made twice', async () => {
    await using world = await FakeLifecycle.start([{}, {}], { createRetries: 9 });
    for (const engine of world.fake.engines)
      engine.on(CREATE, (exchange) => {
        exchange.sendPrebuilt(Buffer.from('no answer of HTTP\r\n\r\n'));
        return true;
      });
    await expect(world.create('web', BODY)).rejects.toThrow();
    expect([askedNodes(world).length, heldBy(world, 'data')]).toEqual([1, NOTHING]);
  });
});

test('a placement counts while its node is still being prepared', async () => {
  const asked: string[] = [];
  let finish = (): void => undefined;
  const prepared = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const ensureOn = async (node: Node, reference: string) => {
    asked.push(node.name);
    await prepared;
    return { reference };
  };
  await using world = await FakeLifecycle.start([{}, {}], { images: { ensureOn } });
  const publishing = { HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '80' }] } } };
  const both = [world.create('a', publishing), world.create('b', publishing)];
  await expect.poll(() => asked.toSorted()).toEqual(['node-1', 'node-2']);
  await expect(world.create('c', publishing)).rejects.toThrow('host port 80/tcp is taken');
  finish();
  expect((await Promise.all(both)).map(({ statusCode }) => statusCode)).toEqual([201, 201]);
});

test('a client that leaves meanwhile leaves nothing behind in the model', async () => {
  await using world = await FakeLifecycle.start([{}]);
  world.fake.at(0).engine.stall(CREATE);
  const client = new AbortController();
  const creating = world.create('web', BODY, client.signal);
  await expect.poll(() => askedNodes(world)).toEqual(['node-1']);
  client.abort(new Error('the client left'));
  await expect(creating).rejects.toThrow();
  expect(heldBy(world, 'data')).toEqual(NOTHING);
  expect(world.fake.cluster.names.isFree('web')).toBe(true);
});

test('what the node lacks is brought first: when that fails its engine is not asked', async () => {
  const images = { ensureOn: () => Promise.reject(new Error('No such image: redis:latest')) };
  await using world = await FakeLifecycle.start([{}], { images });
  await expect(world.create('web', BODY)).rejects.toThrow('No such image: redis:latest');
  expect([askedNodes(world), heldBy(world, 'data')]).toEqual([[], NOTHING]);
});

test('an image that no node has is refused as engines do, so that clients pull it', async () => {
  await using world = await FakeLifecycle.start([{}], { images: { isKnown: () => false } });
  await expect(world.create('web')).rejects.toMatchObject({ status: 404, message: 'No such image: redis' });
});

test('a container that cannot be connected to its second network is not left behind', async () => {
  const connects = [{ network: 'back', body: '{"EndpointConfig":{}}' }];
  await using world = await FakeLifecycle.start([{}], { networks: { split: (body) => ({ body, connects }) } });
  const { engine } = world.fake.at(0);
  engine.lie('POST /networks/back/connect', 403, { message: 'address already in use' });
  await expect(world.create('web', BODY)).rejects.toMatchObject({ status: 403, message: 'address already in use' });
  expect(engine.state.containers.size).toBe(0);
  // The model hears of its end by the engine's event.
  await expect.poll(() => heldBy(world, 'data')).toEqual(NOTHING);
});

test('the client gets the warnings of the engine and of the manager', async () => {
  await using world = await FakeLifecycle.start([{}]);
  const { engine } = world.fake.at(0);
  const id = engine.run({ name: 'made' }).id;
  engine.lie(CREATE, 201, { Id: id, Warnings: ['from the engine'] });
  const answer = await world.create('web', { Env: ['constrain:node==node-1'] });
  expect(JSON.parse(answer.body.toString()).Warnings).toEqual([
    'from the engine',
    expect.stringContaining("did you mean 'constraint:node==node-1'"),
  ]);
});
