import { expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { waitUntil } from '../../test/fakes/wait.ts';

test('a manager that is no longer the primary leaves the cluster alone, and goes on when it is again', async () => {
  await using fake = await FakeManager.start([{ images: ['redis:latest'] }, { images: ['redis:latest'] }]);
  const { duties, cluster } = fake.manager;
  const shownRole = async (): Promise<string> =>
    (await fake.call('GET', '/info')).json.SystemStatus.find(([name]: [string]) => name === 'Role')?.[1];
  expect([duties.role, await shownRole()]).toEqual(['primary', 'primary']);

  const id = await fake.create('web');
  const node = cluster.container(id).node;
  const engine = fake.engines.find(({ address }) => address === node.entry);
  if (!engine) throw new Error('no engine');
  await engine.apply({ kind: 'refuse' });
  await waitUntil(() => !node.isHealthy);
  expect((await fake.call('DELETE', `/containers/${id}?force=1`)).status).toBe(204);
  await duties.become('replica');
  expect(await shownRole()).toBe('replica');

  await engine.apply({ kind: 'none' });
  await waitUntil(() => node.isHealthy);
  // Reads go on, and what was removed stays removed, though its engine has it still.
  expect((await fake.call('GET', '/containers/json?all=1')).json).toEqual([]);
  const removals = (): number => engine.requestsTo('DELETE /containers/*').length;
  expect(removals()).toBe(0);

  await duties.become('primary');
  await waitUntil(() => removals() === 1);
  expect(await shownRole()).toBe('primary');
});
