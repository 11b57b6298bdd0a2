import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Observer } from './observer.ts';
import { Setbacks } from './setbacks.ts';
import type { SubstrateMember } from './types.ts';

interface Engine {
  mark: string | undefined;
  hasLeader: boolean;
}

/** A member that manages a swarm; `engine` may be changed between rounds. */
function managing(name: string, engine: Engine): SubstrateMember {
  const json = async ({ path }: { path: string }): Promise<unknown> => {
    if (path === '/nodes' || path.startsWith('/networks')) return [];
    const Cluster = engine.hasLeader
      ? { ID: `swarm-${name}`, Spec: { Labels: engine.mark === undefined ? {} : { 'io.enxame.cluster': engine.mark } } }
      : {};
    return { Swarm: { NodeID: `sw-${name}`, LocalNodeState: 'active', ControlAvailable: true, Cluster } };
  };
  const client = { json };
  return {
    id: name,
    name,
    address: '10.0.0.1',
    isHealthy: true,
    labels: new Map(),
    client,
  } as unknown as SubstrateMember;
}

function observer(): Observer {
  const clock = new FakeClock();
  const setbacks = () => new Setbacks(clock, { baseMs: 1, maxMs: 1 });
  const deps = { setbacks: { joins: setbacks(), managers: setbacks() }, clock };
  return new Observer(deps, { id: 'c1', marks: new Set(['c1', 'old']) });
}

const NOTHING = { swarmId: undefined, nodes: [] };
const { signal } = new AbortController();

test('only swarms with a mark of ours are looked into', async () => {
  const engines = [
    { mark: 'c1', hasLeader: true },
    { mark: 'old', hasLeader: true },
    { mark: 'c2', hasLeader: true },
    { mark: undefined, hasLeader: true },
  ];
  const members = engines.map((engine, index) => managing(`e${index}`, engine));
  const { swarms } = await observer().observe(members, NOTHING, signal);
  expect(swarms.map(({ swarmId, networks }) => `${swarmId} ${networks}`)).toEqual(['swarm-e0 0', 'swarm-e1 0']);
});

test('a manager that lost its leader is still known by the mark it had', async () => {
  const engine: Engine = { mark: 'c2', hasLeader: true };
  const member = managing('e0', engine);
  const looking = observer();
  await looking.observe([member], NOTHING, signal);
  engine.hasLeader = false;
  const { members } = await looking.observe([member], NOTHING, signal);
  expect(members[0]?.facts).toMatchObject({ swarmId: undefined, mark: 'c2' });
});
