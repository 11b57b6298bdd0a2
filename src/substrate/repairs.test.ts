import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { jsonClient } from '../../test/fakes/json-client.ts';
import { EngineError } from '../common/errors.ts';
import { silentLogger } from '../common/logger.ts';
import { KeptEndpoints } from './kept-endpoints.ts';
import { Repairs } from './repairs.ts';
import type { Plan, SubstrateMember } from './types.ts';

const WEB = 'n'.repeat(25);
const { signal } = new AbortController();

/** Engine `a` manages and has container `c1` in network `web`, whose attachment the swarm holds. */
function world(): {
  repairs: Repairs;
  kept: KeptEndpoints;
  member: SubstrateMember;
  calls: string[];
  fail: (action: string) => void;
  lose: () => void;
  rest: () => void;
  run: () => Promise<void>;
} {
  const calls: string[] = [];
  let failing = '';
  let isConnected = true;
  let isHeld = true;
  const container = (): object => {
    const endpoint = { NetworkID: WEB, Aliases: ['db'], IPAMConfig: null };
    return { Id: 'c1', NetworkSettings: { Networks: isConnected ? { web: endpoint } : {} } };
  };
  const client = jsonClient(async ({ method, path, body }) => {
    if (path.startsWith('/tasks') && failing === 'tasks') throw new EngineError('no answer', 'ENGINE_UNREACHABLE');
    if (path.startsWith('/tasks') && !isHeld) return [];
    if (path.startsWith('/tasks'))
      return [
        {
          NodeID: 'n-a',
          Status: { State: 'running' },
          Spec: { NetworkAttachmentSpec: { ContainerID: 'c1' }, Networks: [{ Target: WEB }] },
        },
      ];
    if (path.startsWith('/networks?')) return [{ Id: WEB, Name: 'web', Driver: 'overlay', Scope: 'swarm' }];
    if (method === 'GET' && path.startsWith('/containers/c1/')) return container();
    if (method === 'GET') return path.includes('exited') ? [] : [container()];
    const action = path.split('/').at(-1) ?? '';
    if (action === failing) throw new EngineError('no answer', 'ENGINE_UNREACHABLE');
    calls.push(`${action} ${JSON.parse(String(body)).Container}`);
    isConnected = action === 'connect';
    return undefined;
  });
  const a = { id: 'a', name: 'a', isHealthy: true, client, address: '', labels: new Map() } as SubstrateMember;
  const deps = { clock: new FakeClock(), logger: silentLogger(), isStopped: () => false };
  const kept = new KeptEndpoints({
    ...deps,
    memory: { load: async () => new Map(), save: async () => void calls.push('noted') },
  });
  const repairs = new Repairs({ ...deps, kept });
  const plan = { active: new Map([['a', 'n-a']]) } as unknown as Plan;
  return {
    ...{ repairs, kept, calls, member: a },
    fail: (action) => {
      failing = action;
    },
    lose: () => {
      isHeld = false;
    },
    rest: () => deps.clock.advance(repairs.nextMs() ?? 0),
    run: () => repairs.run(a, plan, new Map([['a', a]]), signal),
  };
}

test('what the swarm holds is left alone', async () => {
  const { repairs, calls, run } = world();
  repairs.suspect('a');
  await run();
  expect(calls).toEqual([]);
});

test('what runs on a survivor that made a new quorum is connected anew, though the swarm holds it; noted before', async () => {
  const { repairs, calls, run } = world();
  repairs.cut('a');
  await run();
  expect(calls).toEqual(['noted', 'disconnect c1', 'connect c1', 'noted']);
  await run();
  expect(calls).toHaveLength(4);
});

test('an engine that does not answer meanwhile is taken up again after a rest', async () => {
  const { repairs, kept, calls, run, fail, rest } = world();
  repairs.cut('a');
  fail('disconnect');
  await run();
  expect(kept.untried.has('a')).toBe(true);
  fail('');
  await run();
  expect(calls).toEqual(['noted']);
  rest();
  await run();
  expect(calls.filter((call) => call !== 'noted')).toEqual(['disconnect c1', 'connect c1']);
  expect(repairs.nextMs()).toBeUndefined();
});

test('what cannot be compared with the swarm is compared after a rest, and keeps nothing else waiting', async () => {
  const { repairs, kept, member, calls, run, fail, lose, rest } = world();
  lose();
  await kept.note(member, signal);
  calls.length = 0;
  repairs.suspect('a');
  fail('tasks');
  await run();
  expect(kept.untried.size).toBe(0);
  fail('');
  // Other rests, of random lengths too, may be over before.
  for (let turn = 0; turn < 10 && !calls.includes('connect c1'); turn++) {
    rest();
    await run();
  }
  expect(calls.filter((call) => call !== 'noted')).toEqual(['disconnect c1', 'connect c1']);
});

test('what the swarm does not hold is connected again, though the first attempt to connect it fails', async () => {
  const { repairs, calls, run, fail, lose, rest } = world();
  lose();
  repairs.suspect('a');
  fail('connect');
  await run();
  expect(calls).toEqual(['noted', 'disconnect c1']);
  fail('');
  rest();
  await run();
  expect(calls).toEqual(['noted', 'disconnect c1', 'connect c1', 'noted']);
});
