import { afterEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import type { Amendment, ContainerRecord } from '../../desired/record.ts';

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function over(count: number): Promise<FakeManager> {
  const manager = await FakeManager.start(Array.from({ length: count }, () => ({ images: ['redis:latest'] })));
  open.push(manager);
  return manager;
}

function recordOf(manager: FakeManager, name: string): ContainerRecord | undefined {
  return manager.manager.desired.index.byName(name);
}

async function amendmentsOf(manager: FakeManager, name: string): Promise<readonly Amendment[]> {
  return (await manager.manager.desired.body(recordOf(manager, name)?.key ?? '')).amendments;
}

describe('what clients change of a container is recorded', () => {
  test('an update as the engine reads it, with the restart policy', async () => {
    const manager = await over(1);
    await manager.create('web');
    manager.engine(0).lie('POST /containers/*', 200, { Warnings: null });
    await manager.call('POST', '/containers/web/update', '{"memory":1048576,"Memory":2097152,"PidsLimit":null}');
    await manager.call('POST', '/containers/web/update', { RestartPolicy: { Name: 'always' } });
    expect(await amendmentsOf(manager, 'web')).toEqual([
      { kind: 'update', body: '{"Memory":2097152,"PidsLimit":null,"RestartPolicy":{"Name":"always"}}' },
    ]);
    expect(recordOf(manager, 'web')?.terms.restart).toBe('always');
  });

  test('nothing of an update that the engine refuses', async () => {
    const manager = await over(1);
    await manager.create('web');
    manager.engine(0).lie('POST /containers/*', 409, { message: 'no' });
    expect((await manager.call('POST', '/containers/web/update', { Memory: 1 })).status).toBe(409);
    expect(await amendmentsOf(manager, 'web')).toEqual([]);
  });

  test('connections to networks, by name', async () => {
    const manager = await over(1);
    await manager.create('web');
    const network = { Name: 'front', Id: 'f'.repeat(64), Driver: 'bridge', Scope: 'local', Labels: {} };
    manager.engine(0).lie('GET /networks', 200, [network]);
    await manager.manager.cluster.nodes[0]?.refreshNetworks();
    manager.engine(0).lie('POST /networks/*', 200, '');
    const body = { Container: 'web', EndpointConfig: { Aliases: ['db'] } };
    expect((await manager.call('POST', `/networks/${network.Id}/connect`, body)).status).toBe(200);
    expect(await amendmentsOf(manager, 'web')).toEqual([
      { kind: 'connect', network: 'front', body: '{"EndpointConfig":{"Aliases":["db"]}}' },
    ]);
    expect(recordOf(manager, 'web')?.terms.localNetworks).toEqual(['front']);
    expect((await manager.call('POST', '/networks/front/disconnect', { Container: 'web' })).status).toBe(200);
    expect(await amendmentsOf(manager, 'web')).toEqual([{ kind: 'disconnect', network: 'front' }]);
    expect(recordOf(manager, 'web')?.terms.localNetworks).toBeUndefined();
  });

  test('what a prune removed has no record when it is answered', async () => {
    const manager = await over(2);
    for (const name of ['web', 'db', 'cache']) await manager.create(name);
    for (const engine of manager.engines)
      engine.lie('POST /containers/prune', 200, { ContainersDeleted: [...engine.state.containers.keys()] });
    const answer = await manager.call('POST', '/containers/prune');
    expect(answer.json.ContainersDeleted).toHaveLength(3);
    expect(manager.manager.desired.size).toBe(0);
  });
});
