import { expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';

test('a prune reports each node that failed, and prunes the others all the same', async () => {
  await using fake = await FakeManager.start([{}, {}, {}]);
  for (const engine of fake.engines)
    engine.lie('POST /volumes/prune', 200, { VolumesDeleted: [`of-${engine.address}`], SpaceReclaimed: 2 });
  const pruned = (): readonly number[] => fake.engines.map((each) => each.requestsTo('POST /volumes/prune').length);
  await fake.call('POST', '/volumes/create', { Name: 'waiting' });
  const ends = [0, 1].map((index) => fake.engine(index).lie('POST /volumes/prune', 500, { message: 'disk is sick' }));

  const { status, json } = await fake.call('POST', '/volumes/prune?filters={"all":["true"]}');
  expect(status).toBe(500);
  expect(json.message).toBe('disk is sick (nodes node-1, node-2). Unused volumes were removed on the other 1 node');
  expect(pruned()).toEqual([1, 1, 1]);
  // What has no node is not theirs to refuse.
  expect((await fake.call('GET', '/volumes')).json.Volumes).toEqual([]);

  for (const end of ends) end();
  const all = await fake.call('POST', '/volumes/prune');
  expect(all).toMatchObject({ status: 200, json: { SpaceReclaimed: 6 } });
  expect(all.json.VolumesDeleted).toHaveLength(3);
});

test('a removal of copies on several nodes reports each node that failed', async () => {
  await using fake = await FakeManager.start([1, 2, 3].map(() => ({ volumes: ['data'] })));
  fake.engine(0).lie('DELETE /volumes/data', 409, { message: 'volume is in use' });
  fake.engine(2).lie('DELETE /volumes/data', 500, { message: 'disk is sick' });
  const { status, json } = await fake.call('DELETE', '/volumes/data');
  expect(status).toBe(409);
  expect(json.message).toBe(
    'volume is in use (node node-1); disk is sick (node node-3). It was removed on the other 1 node',
  );
});

test('a listing by use names the nodes that do not answer; their volumes count as used', async () => {
  await using fake = await FakeManager.start([{ volumes: ['data-0'] }, { volumes: ['data-1'] }]);
  fake.engine(0).lie('GET /volumes', 200, {
    Volumes: [{ Name: 'data-0', Driver: 'local', Mountpoint: '/v', Scope: 'local', Labels: null, Options: null }],
  });
  fake.engine(1).lie('GET /volumes', 500, { message: 'disk is sick' });
  const byUse = (dangling: string): ReturnType<typeof fake.call> =>
    fake.call('GET', `/volumes?filters={"dangling":["${dangling}"]}`);
  const unused = await byUse('true');
  expect(unused.json.Volumes).toMatchObject([{ Name: 'data-0' }]);
  expect(unused.json.Warnings).toEqual([
    'node node-2 did not tell its unused volumes, they count as used: disk is sick',
  ]);
  expect((await byUse('false')).json.Volumes).toMatchObject([{ Name: 'data-1' }]);
  expect(await byUse('perhaps')).toMatchObject({
    status: 400,
    json: { message: expect.stringContaining('dangling=[perhaps]') },
  });
});
