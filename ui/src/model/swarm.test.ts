import { describe, expect, it } from 'vitest';
import type { ContainerRow, Hello, NodeRow } from '../../../src/page/protocol.ts';
import { Swarm, type SwarmChange } from './swarm.ts';

const HELLO: Hello = {
  protocol: 1,
  version: '1',
  epoch: 'e',
  resumed: false,
  cluster: {},
  actions: false,
  domains: [],
  nodes: 1,
  containers: 1,
  now: 0,
};
const READY = {
  moves: [],
  failover: { brake: null, lost: [], waiting: 0, drill: [] },
  problems: [],
  events: [],
  use: [],
};

function node(n: number, more: Partial<NodeRow> = {}): NodeRow {
  return {
    n,
    id: `id${n}`,
    name: `node${n}`,
    address: '',
    state: 'Healthy',
    availability: 'active',
    domains: [],
    cpus: 1,
    memory: 1,
    reservedCpus: 0,
    reservedMemory: 0,
    running: 0,
    paused: 0,
    stopped: 0,
    version: '',
    platform: '',
    ...more,
  };
}

function container(id: string, n: number, state: ContainerRow['state'] = 'running'): ContainerRow {
  return { id, name: id, image: 'redis', state, n, createdSeconds: 0 };
}

function started(): { swarm: Swarm; changes: SwarmChange[] } {
  const swarm = new Swarm();
  const changes: SwarmChange[] = [];
  swarm.follow((change) => changes.push(change));
  swarm.takeHello(HELLO);
  swarm.takeNodes([node(1), node(2)]);
  swarm.takeContainers([container('a', 1), container('b', 1)]);
  swarm.takeReady(READY);
  return { swarm, changes };
}

describe('the swarm', () => {
  it('tells of the whole state once it is there', () => {
    const { swarm, changes } = started();
    const whole = { isWhole: true, containers: [], nodes: [], isMapChanged: true };
    // At the nodes, and at the end.
    expect(changes).toEqual([whole, whole]);
    expect([...swarm.containersOn(1)]).toEqual(['a', 'b']);
  });

  it('follows a container to another node', () => {
    const { swarm, changes } = started();
    swarm.takeDelta({ now: 1, containers: [container('a', 2)] });
    expect(changes[2]?.containers).toEqual([{ before: container('a', 1), after: container('a', 2) }]);
    expect([...swarm.containersOn(1)]).toEqual(['b']);
    expect([...swarm.containersOn(2)]).toEqual(['a']);
  });

  it('forgets what is gone before it takes what is new', () => {
    const { swarm } = started();
    swarm.takeDelta({ now: 1, gone: ['a'], goneNodes: [1], containers: [container('a', 2)], nodes: [node(3)] });
    expect(swarm.containers.get('a')?.n).toBe(2);
    expect([...swarm.nodes.keys()]).toEqual([2, 3]);
  });

  it('lays out anew only when nodes come, go or are elsewhere', () => {
    const { swarm, changes } = started();
    swarm.takeDelta({ now: 1, nodes: [node(1, { running: 5 })] });
    swarm.takeDelta({ now: 2, nodes: [node(1, { domains: ['eu'] })] });
    expect(changes.slice(2).map(({ isMapChanged }) => isMapChanged)).toEqual([false, true]);
  });

  it('takes the nodes that are told last', () => {
    const swarm = new Swarm();
    swarm.takeHello(HELLO);
    swarm.takeNodes([node(1), node(2)]);
    expect([swarm.isSketched, swarm.isReady]).toEqual([true, false]);
    swarm.takeNodes([node(2)]);
    expect([...swarm.nodes.keys()]).toEqual([2]);
  });

  it('counts kinds and what is unwell as containers come, change and go', () => {
    const { swarm } = started();
    swarm.takeDelta({ now: 1, containers: [{ ...container('a', 1), health: 'unhealthy' }, container('c', 1, 'dead')] });
    expect([swarm.unwell, ...swarm.kinds]).toEqual([2, ['redis', 3]]);
    swarm.takeDelta({ now: 2, gone: ['c', 'b'], containers: [{ ...container('a', 2), service: 'web', project: 'p' }] });
    expect([swarm.unwell, ...swarm.kinds]).toEqual([0, ['p/web', 1]]);
  });

  it('finds by ID, by name, and by what an ID begins with', () => {
    const { swarm } = started();
    swarm.takeDelta({
      now: 1,
      containers: ['abc1', 'abc2', 'fe01'].map((id, at) => ({
        ...container(id, 1),
        name: ['x', 'abc', 'y'][at] ?? '',
      })),
    });
    const found = (reference: string): readonly string[] => swarm.find(reference).map(({ id }) => id);
    expect(['abc1', 'abc', 'ab', 'fe', 'y', 'z', ''].map(found)).toEqual([
      ['abc1'],
      ['abc2'],
      ['abc1', 'abc2'],
      ['fe01'],
      ['fe01'],
      [],
      [],
    ]);
    swarm.takeDelta({ now: 2, containers: [{ ...container('fe01', 1), name: 'renamed' }] });
    expect([found('y'), found('renamed')]).toEqual([[], ['fe01']]);
  });

  it('keeps what it has when a stream is resumed, and nothing of it when not', () => {
    const { swarm } = started();
    swarm.takeHello({ ...HELLO, resumed: true });
    expect(swarm.containers.size).toBe(2);
    swarm.takeHello(HELLO);
    expect([swarm.containers.size, swarm.nodes.size, swarm.isReady]).toEqual([0, 0, false]);
  });
});
