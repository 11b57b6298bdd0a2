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
