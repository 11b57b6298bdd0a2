import { expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';

/** A manager of three nodes that are told what to answer to a prune. */
async function pruning(
  ...answers: readonly (readonly [status: number, body: object])[]
): Promise<FakeManager & AsyncDisposable> {
  const manager = await FakeManager.start(answers.map(() => ({})));
  for (const [i, [status, body]] of answers.entries()) manager.engine(i).lie('POST /networks/prune', status, body);
  return manager;
}

test('asks every node with the client’s filters and answers each name once', async () => {
  await using manager = await pruning(
    [200, { NetworksDeleted: ['web', 'db'] }],
    [200, { NetworksDeleted: null }],
    [200, { NetworksDeleted: ['web'] }],
  );
  const filters = encodeURIComponent(JSON.stringify({ label: ['stage=test'] }));
  const { status, json } = await manager.call('POST', `/networks/prune?filters=${filters}`);
  expect([status, json]).toEqual([200, { NetworksDeleted: ['db', 'web'] }]);
  for (const engine of manager.engines) {
    const [request] = engine.requestsTo('POST /networks/prune');
    expect(request?.query.get('filters')).toBe('{"label":["stage=test"]}');
  }
});

test('says which nodes failed and why, and that the others did it', async () => {
  const busy = { message: 'a prune operation is already running' };
  await using manager = await pruning([409, busy], [200, { NetworksDeleted: ['web'] }], [500, { message: 'no disk' }]);
  const before = manager.engine(1).requestsTo('GET /networks').length;
  const { status, json } = await manager.call('POST', '/networks/prune');
  expect([status, json.message]).toEqual([
    409,
    'a prune operation is already running (node node-1); no disk (node node-3). What is not used was removed on the other 1 node',
  ]);
  // What went there is not listed any more.
  expect(manager.engine(1).requestsTo('GET /networks').length).toBeGreaterThan(before);
});

test('a filter that no engine takes is refused in their words', async () => {
  const refusal = { message: "invalid filter 'colour'" };
  await using manager = await pruning([400, refusal], [400, refusal]);
  const { status, json } = await manager.call('POST', '/networks/prune?filters=%7B%22colour%22%3A%5B%22red%22%5D%7D');
  expect([status, json.message]).toEqual([400, "invalid filter 'colour' (nodes node-1, node-2)"]);
});
