import { describe, expect, test } from 'vitest';
import { jsonClient } from '../../test/fakes/json-client.ts';
import { silentLogger } from '../common/logger.ts';
import type { ApiVersion } from '../engine/api-version.ts';
import { EngineAnswerError, type EngineRequest } from '../engine/exchange.ts';
import { POOL_CANDIDATES } from './addresses.ts';
import { Executor, type ExecutorOptions, type StepResult } from './executor.ts';
import type { Observation, Plan, Step, SubstrateMember, SwarmNode } from './types.ts';

interface World {
  readonly steps: readonly Step[];
  /** What each engine does with a call; undefined answers as usual. */
  readonly answer?: (name: string, call: string, request: EngineRequest) => unknown;
  readonly options?: Partial<ExecutorOptions>;
  readonly signal?: AbortSignal;
  readonly newestApi?: ApiVersion;
  /** What noting an engine's containers fails with. */
  readonly noteFailure?: Error;
  /** Engines whose address is not known. */
  readonly unreachable?: readonly string[];
}

interface Outcome {
  readonly results: readonly StepResult[];
  /** `a POST /swarm/init`, in the order of their begin. */
  readonly calls: readonly string[];
  readonly bodies: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
}

const NAMES = ['a', 'b', 'c'];

/** Runs steps over engines a, b and c; a manages with the leader, b manages too. */
async function execute({
  steps,
  answer,
  options,
  signal,
  newestApi,
  noteFailure,
  unreachable = [],
}: World): Promise<Outcome> {
  const calls: string[] = [];
  const bodies = new Map<string, Readonly<Record<string, unknown>>>();
  const members = NAMES.map((name) => {
    const client = jsonClient(async (request) => {
      const call = `${request.method} ${request.path.split('?')[0]}`;
      calls.push(`${name} ${call}`);
      if (request.body !== undefined) bodies.set(`${name} ${call}`, JSON.parse(String(request.body)));
      const special = await answer?.(name, call, request);
      if (special !== undefined) return special;
      if (call === 'GET /swarm') return { Version: { Index: 7 }, Spec: {}, JoinTokens: { Worker: 'SWMTKN-worker' } };
      if (call === 'GET /networks') return [{ IPAM: { Config: [{ Subnet: '10.208.0.0/16' }] } }, { IPAM: null }];
      return { Version: { Index: 7 }, Spec: { Availability: 'active' } };
    }, newestApi);
    return { id: name, name, address: '', isHealthy: true, labels: new Map(), client } as SubstrateMember;
  });
  const nodes = ['a', 'b'].map((name, i) => ({
    reachability: 'reachable',
    managerAddress: `10.9.0.${i + 1}:2377`,
    nodeId: `node-${name}`,
  }));
  const plan = { steps, swarm: { askedId: 'a', nodes: nodes as readonly Partial<SwarmNode>[] } } as Plan;
  const observation = {
    failedJoins: new Map(),
    members: NAMES.map((id, i) => ({ id, address: unreachable.includes(id) ? undefined : `10.9.0.${i + 1}` })),
  } as unknown as Observation;
  const onLeaving = async ({ name }: SubstrateMember): Promise<void> => {
    calls.push(`${name} noted`);
    if (noteFailure) throw noteFailure;
  };
  const executor = new Executor({ logger: silentLogger(), onLeaving }, { mark: 'c1', pool: undefined, ...options });
  const round = {
    plan,
    observation,
    members: new Map(members.map((each) => [each.id, each])),
    signal: signal ?? new AbortController().signal,
  };
  return { results: await executor.run(round), calls, bodies };
}

const join = (memberId: string): Step => ({ kind: 'join', memberId });
const promote = (name: string): Step => ({ kind: 'set-role', nodeId: `node-${name}`, name, role: 'manager' });
const outcomes = ({ results }: Outcome): readonly (readonly [string, unknown])[] =>
  results.map(({ step, failure }) => [step.kind, failure instanceof Error ? failure.message : failure]);

describe('order', () => {
  test('steps on the quorum go one after the other, before any engine joins', async () => {
    const steps = [join('c'), promote('b'), { kind: 'remove', nodeId: 'node-x', name: 'x' } as const];
    const { results, calls } = await execute({ steps });
    expect(results.map(({ step }) => step.kind)).toEqual(['set-role', 'remove', 'join']);
    expect(calls).toEqual([
      'a GET /nodes/node-b',
      'a POST /nodes/node-b/update',
      'a DELETE /nodes/node-x',
      'a GET /swarm',
      'c POST /swarm/join',
    ]);
  });

  test('engines join side by side: one that hangs holds up no other', async () => {
    let release: (value: object) => void = () => undefined;
    const hanging = new Promise<object>((resolve) => {
      release = resolve;
    });
    const joined: string[] = [];
    const answer = (name: string, call: string): unknown => {
      if (call !== 'POST /swarm/join') return undefined;
      joined.push(name);
      if (name === 'c') release({});
      return name === 'b' ? hanging : {};
    };
    await execute({ steps: [join('b'), join('c')], answer });
    expect(joined).toEqual(['b', 'c']);
  });
});

describe('leaving', () => {
  const leave = (memberId: string): Step => ({ kind: 'leave', memberId, why: 'stale' });
  const steps = [leave('b'), leave('c')];

  test('what containers are connected to is noted before', async () => {
    const { calls } = await execute({ steps: [leave('b')] });
    expect(calls).toEqual(['b noted', 'b POST /swarm/leave']);
    const failed = await execute({ steps: [leave('b')], noteFailure: new Error('disk full') });
    expect(failed.calls).toEqual(['b noted']);
    const foreign = await execute({ steps: [{ kind: 'leave', memberId: 'b', why: 'adopted', isForeign: true }] });
    expect(foreign.calls).toEqual(['b POST /swarm/leave']);
  });

  test.each([
    { newestApi: '1.41', atOnce: 1 },
    { newestApi: '1.45', atOnce: 1 },
    { newestApi: '1.51', atOnce: 2 },
  ] as const)('of engines up to API $newestApi $atOnce at a time', async ({ newestApi, atOnce }) => {
    let leaving = 0;
    let most = 0;
    const answer = async (_: string, call: string): Promise<unknown> => {
      if (call !== 'POST /swarm/leave') return undefined;
      most = Math.max(most, ++leaving);
      await new Promise((resolve) => setImmediate(resolve));
      leaving -= 1;
      return {};
    };
    await execute({ steps, answer, newestApi });
    expect(most).toBe(atOnce);
  });
});

describe('failures', () => {
  test('a step that fails is told with its reason, and the others are made', async () => {
    const answer = (name: string, call: string): unknown => {
      if (name === 'b' && call === 'POST /swarm/join') throw new EngineAnswerError('no route to host', 500);
      return undefined;
    };
    expect(outcomes(await execute({ steps: [promote('b'), join('b'), join('c')], answer }))).toEqual([
      ['set-role', undefined],
      ['join', 'no route to host'],
      ['join', undefined],
    ]);
  });

  test.each(['join', 'init'] as const)('%s is done when another manager of ours was quicker', async (kind) => {
    const answer = (_: string, call: string): unknown => {
      if (!/init|join/.test(call)) return undefined;
      throw new EngineAnswerError('This node is already part of a swarm. Use "docker swarm leave" …', 503);
    };
    expect(outcomes(await execute({ steps: [{ kind, memberId: 'c' }], answer }))).toEqual([[kind, undefined]]);
  });

  test.each([
    { name: 'an engine that left meanwhile', step: join('gone'), message: /gone/ },
    { name: 'an engine without an address', step: join('c'), message: /c has no address/ },
  ])('$name fails and nothing is asked of it', async ({ step, message }) => {
    const outcome = await execute({ steps: [step], unreachable: ['c'] });
    expect(String(outcomes(outcome)[0]?.[1])).toMatch(message);
    expect(outcome.calls.filter((call) => call.endsWith('/swarm/join'))).toEqual([]);
  });

  test('when it is to stop it rejects', async () => {
    const stop = new AbortController();
    const answer = (): never => {
      stop.abort(new Error('the manager stops'));
      throw new Error('cut');
    };
    await expect(execute({ steps: [promote('b')], answer, signal: stop.signal })).rejects.toThrow('the manager stops');
  });
});

describe('what engines are told', () => {
  test('a swarm is formed with the mark, at the address the others reach, from a pool that nobody uses', async () => {
    const { bodies } = await execute({ steps: [{ kind: 'init', memberId: 'b' }] });
    expect(bodies.get('b POST /swarm/init')).toMatchObject({
      AdvertiseAddr: '10.9.0.2:2377',
      DataPathAddr: '10.9.0.2',
      // The first candidate overlaps a network of the engines.
      DefaultAddrPool: [POOL_CANDIDATES[1]],
      Spec: { Labels: { 'io.enxame.cluster': 'c1' } },
    });
  });

  test('a pool that was chosen is taken, and no engine is asked for its networks', async () => {
    const { bodies, calls } = await execute({
      steps: [{ kind: 'init', memberId: 'b' }],
      options: { pool: '10.42.0.0/16' },
    });
    expect(bodies.get('b POST /swarm/init')).toMatchObject({ DefaultAddrPool: ['10.42.0.0/16'] });
    expect(calls).toEqual(['b POST /swarm/init']);
  });

  test('engines join as workers, and not all by the same manager', async () => {
    const { bodies } = await execute({ steps: [join('b'), join('c')] });
    const [one, other] = ['b', 'c'].map((name) => bodies.get(`${name} POST /swarm/join`));
    expect(one).toMatchObject({ JoinToken: 'SWMTKN-worker', AdvertiseAddr: '10.9.0.2:2377' });
    const addresses = ['10.9.0.1:2377', '10.9.0.2:2377'];
    expect([one?.RemoteAddrs, other?.RemoteAddrs]).toEqual(
      expect.arrayContaining([addresses, [...addresses].reverse()]),
    );
  });

  test('a role changes alone, in the version that was read', async () => {
    const paths: string[] = [];
    const answer = (_name: string, _call: string, { path }: EngineRequest): undefined => void paths.push(path);
    const { bodies } = await execute({ steps: [promote('b')], answer });
    expect(paths.at(-1)).toBe('/nodes/node-b/update?version=7');
    expect(bodies.get('a POST /nodes/node-b/update')).toEqual({ Availability: 'active', Role: 'manager' });
  });

  test('a new quorum is marked as newer', async () => {
    const answer = (_: string, call: string): unknown =>
      call === 'GET /swarm' ? { Version: { Index: 9 }, Spec: { Labels: { 'io.enxame.epoch': '2' } } } : undefined;
    const { bodies } = await execute({ steps: [{ kind: 'force-new-cluster', memberId: 'b' }], answer });
    expect(bodies.get('b POST /swarm/init')).toMatchObject({ ForceNewCluster: true });
    expect(bodies.get('b POST /swarm/update')).toEqual({ Labels: { 'io.enxame.epoch': '3' } });
  });
});
