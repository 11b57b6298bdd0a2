import { afterEach, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test('a plugin is described by a node that has it; what no node has is not found', async () => {
  const manager = await FakeManager.start([{}, {}]);
  open.push(manager);
  manager.engine(0).lie('GET /plugins/sshfs/json', 404, { message: 'plugin "sshfs" not found' });
  manager.engine(1).lie('GET /plugins/sshfs/json', 200, { Name: 'sshfs:latest' });
  expect(await manager.call('GET', '/plugins/sshfs/json')).toMatchObject({
    status: 200,
    json: { Name: 'sshfs:latest' },
  });
  // The docker CLI's `inspect` says "No such object" only when this, its last question, is answered with 404.
  expect(await manager.call('GET', '/plugins/other/json')).toMatchObject({
    status: 404,
    json: { message: 'plugin "other" not found' },
  });
});
