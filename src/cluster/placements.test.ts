import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../test/fakes/model.ts';
import { parsePlacement } from '../scheduler/placement.ts';
import { containersMeant } from './container-reference.ts';
import { Containers, type PendingContainer } from './containers.ts';
import { beginPlacement, NameReservations } from './placements.ts';

const NOW = 1_800_000_000_000;
const ID = 'a'.padEnd(64, '0');

function world() {
  const node = modelNode('one');
  const containers = new Containers({ onUnknownReservation: () => undefined });
  return { node, containers, names: new NameReservations(containers) };
}

describe('names', () => {
  test('of 64 simultaneous requests for one name exactly one goes on', async () => {
    const { names } = world();
    const attempts = Array.from({ length: 64 }, async (_, index) => {
      const free = names.reserve('web');
      await new Promise((resolve) => setImmediate(resolve));
      free();
      return index;
    });
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const [refusal] = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refusal?.reason).toMatchObject({
      status: 409,
      code: 'NAME_IN_USE',
      message:
        'Conflict. The container name "/web" is already in use by a container that is being created. You have to remove (or rename) that container to be able to reuse that name.',
    });
  });

  test('a container has its name until it goes', () => {
    const { names, containers, node } = world();
    containers.update(node, [], [containerSummary('a', { Names: ['/web'] })], NOW);
    expect(() => names.reserve('web')).toThrow(`is already in use by container "${ID}"`);
    containers.update(node, [], [containerSummary('a', { Names: ['/db'] })], NOW);
    expect(() => names.reserve('db')).toThrow('in use');
    names.reserve('web')();
    containers.remove(node, ID);
    names.reserve('db')();
  });

  test('a name that is being placed is no ID prefix of another container', () => {
    const { containers, node } = world();
    const id = 'db1'.padEnd(64, '0');
    containers.update(node, [], [containerSummary(id, { Names: ['/web'] })], NOW);
    const pending: PendingContainer = {
      id: 'p',
      engineId: 'p',
      name: 'db',
      nodeId: node.id,
      labels: {},
      isPending: true,
    };
    containers.addPending(pending);
    expect(containersMeant(containers, 'db')).toEqual([]);
    containers.removePending(pending);
    expect(containersMeant(containers, 'db').map(({ name }) => name)).toEqual(['web']);
  });

  test('freeing twice does not free what another one reserved since', () => {
    const { names } = world();
    const free = names.reserve('web');
    free();
    names.reserve('web');
    free();
    expect(() => names.reserve('web')).toThrow('in use');
  });
});

describe('a pending placement', () => {
  const { request } = parsePlacement(
    {
      Image: 'redis',
      HostConfig: { Memory: 1000, NanoCpus: 2e9, PortBindings: { '6379/tcp': [{ HostPort: '6379' }] } },
    },
    { name: 'cache' },
  );

  test('counts at once and is found by name and label', () => {
    const { containers, node, names } = world();
    beginPlacement(containers, node, request, { app: 'shop' });
    expect([node.reservedMemoryBytes, node.reservedNanoCpus, node.containerCount]).toEqual([1000, 2e9, 1]);
    expect(node.usesPort('tcp', '', 6379)).toBe(true);
    expect(containers.index.byName('cache')).toHaveLength(1);
    expect([...(containers.index.labelNodes('app')?.get('shop')?.keys() ?? [])]).toEqual([node.id]);
    expect(() => names.reserve('cache')).toThrow('being created');
    expect(containers.size).toBe(0);
  });

  test('that the engine has made counts until it is listed, and once from then on', () => {
    const { containers, node } = world();
    const labels = { 'io.enxame.group': 'web' };
    const count = (): unknown[] => [
      containers.index.groupNodes('group\0web').get(node.id),
      containers.index.byName('cache').length,
      node.reservedMemoryBytes,
    ];
    const listing = [containerSummary('a', { Names: ['/cache'], Labels: labels })];
    const early = beginPlacement(containers, node, request, labels);
    early.settle(ID);
    expect(count()).toEqual([1, 1, 1000]);
    containers.update(node, [], listing, NOW);
    expect(count()).toEqual([1, 1, 1000]);
    early.release();
    expect(count()).toEqual([1, 1, 1000]);
    containers.remove(node, ID);
    // Its engine told of it before it answered.
    const late = beginPlacement(containers, node, request, labels);
    containers.update(node, [], listing, NOW);
    late.settle(ID);
    late.release();
    expect(count()).toEqual([1, 1, 1000]);
    containers.remove(node, ID);
    expect(count()).toEqual([undefined, 0, 0]);
  });

  test.each(['once', 'twice'])('released %s leaves nothing', (times) => {
    const { containers, node } = world();
    const pending = beginPlacement(containers, node, request, { app: 'shop' });
    pending.release();
    if (times === 'twice') pending.release();
    expect([node.reservedMemoryBytes, node.reservedNanoCpus, node.containerCount]).toEqual([0, 0, 0]);
    expect(node.usesPort('tcp', '', 6379)).toBe(false);
    expect(containers.index.byName('cache')).toEqual([]);
    expect(containers.index.labelNodes('app')).toBeUndefined();
    expect([...containers.everything()]).toEqual([]);
  });

  test('settled goes over to the container, whose removal gives everything back', () => {
    const asked: string[] = [];
    const node = modelNode('one');
    const containers = new Containers({ onUnknownReservation: ({ engineId }) => asked.push(engineId) });
    const pending = beginPlacement(containers, node, request, {});
    pending.settle(ID);
    pending.release();
    expect(node.reservedMemoryBytes).toBe(1000);
    containers.update(node, [ID], [containerSummary('a', { Names: ['/cache'] })], NOW);
    expect([node.reservedMemoryBytes, node.containerCount, asked]).toEqual([1000, 1, []]);
    expect(containers.index.byName('cache')).toHaveLength(1);
    containers.remove(node, ID);
    expect([node.reservedMemoryBytes, node.containerCount]).toEqual([0, 0]);
    expect(node.usesPort('tcp', '', 6379)).toBe(false);
  });
});
