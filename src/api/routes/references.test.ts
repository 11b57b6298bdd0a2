import { afterEach, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';

/** Containers by the names that clients have for them: links, the node's name in front, short IDs. */

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function one(): Promise<FakeManager> {
  const manager = await FakeManager.start([
    { images: ['redis:latest'], containers: [{ name: 'web' }, { name: 'db' }] },
  ]);
  open.push(manager);
  return manager;
}

/** The engine lists `db` as linked into `web` under the name `alias`. */
async function linked(manager: FakeManager): Promise<string> {
  const engine = manager.engine(0);
  const listed = (await (await fetch(`${engine.url}/v1.44/containers/json?all=1`)).json()) as {
    Names: string[];
    Id: string;
  }[];
  const entries = listed.map((entry) =>
    entry.Names[0] === '/db' ? { ...entry, Names: ['/db', '/web/alias'] } : entry,
  );
  engine.lie('GET /containers/json', 200, entries);
  await manager.manager.cluster.nodes[0]?.refreshAllContainers();
  return entries.find(({ Names }) => Names.length > 1)?.Id ?? '';
}

test.each(['web/alias', '/web/alias', 'node-1/web/alias'])('a link is a name: %s', async (name) => {
  const manager = await one();
  const id = await linked(manager);
  expect((await manager.call('GET', `/containers/${encodeURIComponent(name)}/json`)).json.Id).toBe(id);
  const { json } = await manager.call('GET', '/containers/json?all=1');
  expect(json.find(({ Id }: { Id: string }) => Id === id).Names).toEqual([
    '/db',
    '/web/alias',
    '/node-1/db',
    '/node-1/web/alias',
  ]);
});

test('rm --link removes the link by its name', async () => {
  const manager = await one();
  const id = await linked(manager);
  manager.engine(0).on('DELETE /containers/web/alias', (exchange) => {
    exchange.json(204, '');
    return true;
  });
  expect((await manager.call('DELETE', '/containers/web/alias?link=1')).status).toBe(204);
  expect(manager.manager.cluster.findContainer(id)?.name).toBe('db');
});

test.each(['web', 'node-1/web', '/web'])(
  'an engine’s error calls the container as the client did: %s',
  async (typed) => {
    const manager = await one();
    const id = manager.manager.cluster.container('web').engineId;
    const message = `cannot kill container: ${id}: container ${id} is not running`;
    manager.engine(0).lie(`POST /containers/${id}/kill`, 409, { message });
    const { status, json } = await manager.call('POST', `/containers/${encodeURIComponent(typed)}/kill`);
    const name = typed.replace(/^\//, '');
    expect([status, json.message]).toEqual([409, `cannot kill container: ${name}: container ${name} is not running`]);
  },
);

test('what a container refers to is created as asked, as far as its engine understands it', async () => {
  const manager = await one();
  const bodies: { readonly HostConfig: object }[] = [];
  manager.engine(0).on('POST /containers/create', (exchange) => {
    const chunks: Buffer[] = [];
    exchange.body = {
      data: (chunk) => void chunks.push(chunk),
      end: () => {
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
        exchange.json(409, '{"message":"enough"}');
      },
    };
    return true;
  });
  for (const VolumesFrom of [['web:ro'], ['node-1/web:ro']])
    await manager.call('POST', '/containers/create', { Image: 'redis', HostConfig: { VolumesFrom } });
  expect(bodies.map(({ HostConfig }) => HostConfig)).toEqual([
    { VolumesFrom: ['web:ro'] },
    { VolumesFrom: ['web:ro'] },
  ]);
});
