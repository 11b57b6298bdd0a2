import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { jsonClient } from '../../test/fakes/json-client.ts';
import type { Node } from '../cluster/node.ts';
import { silentLogger } from '../common/logger.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import type { KnownNetwork } from './known-network.ts';
import { PatientAttach, type PatientAttachDeps } from './patient-attach.ts';

const SWARM_BUSY = 'attaching to network failed, make sure your network options are correct and check manager logs: …';
const PORT_BUSY = 'driver failed programming external connectivity: bind: address already in use';
const STARTED = answer(204);

function answer(statusCode: number, message: string = ''): EngineAnswer {
  return { statusCode, rawHeaders: [], body: Buffer.from(JSON.stringify({ message })) };
}

interface World {
  /** What the engine answers, one after the other; the last one again and again. `never` does not answer. */
  readonly answers: readonly (EngineAnswer | Promise<EngineAnswer> | 'never')[];
  readonly address?: string;
  /** Addresses by endpoint key that the node's engine says are held. */
  readonly held?: Readonly<Record<string, string>>;
  readonly isWaiting?: boolean;
  readonly isClusterNetwork?: boolean;
  readonly isAllocated?: boolean;
}

/** One container `c` to be attached to network `web` of eight addresses, and time passing whenever somebody waits. */
async function attach(world: World): Promise<{
  readonly outcome: unknown;
  readonly calls: number;
  readonly patient: PatientAttach;
  readonly tookMs: number;
}> {
  const { answers, address, held = {}, isWaiting = false, isClusterNetwork = true, isAllocated = true } = world;
  const clock = new FakeClock();
  const json = async ({ path }: { path: string }): Promise<unknown> => {
    if (path.startsWith('/tasks'))
      return [
        {
          Status: { State: isWaiting ? 'new' : 'running' },
          Spec: { NetworkAttachmentSpec: { ContainerID: 'c' }, Networks: [{ Target: 'web-id' }] },
        },
      ];
    const entries = Object.entries(held).map(([key, ip]) => [key, { Name: key, IPv4Address: `${ip}/29` }]);
    return { Id: 'web-id', Name: 'web', Driver: 'overlay', Scope: 'swarm', Containers: Object.fromEntries(entries) };
  };
  const node = { name: 'one', isHealthy: true, client: jsonClient(json), containers: new Map() } as unknown as Node;
  const Config = [{ Subnet: '10.0.0.0/29', Gateway: '10.0.0.1' }];
  const summary = isAllocated ? { Driver: 'overlay', IPAM: { Config } } : { Driver: '', IPAM: { Config: null } };
  const network = {
    id: 'web-id',
    name: 'web',
    kind: 'cluster',
    summary,
    raw: { ...summary, Id: 'web-id' },
    holders: [node],
  } as unknown as KnownNetwork<Node>;
  const deps = {
    catalog: { find: (name: string) => (name === 'web' ? network : undefined), nodesOf: () => [node] },
    cluster: { nodes: [node] },
    substrate: { manager: async () => node },
    clock,
    logger: silentLogger(),
  } as unknown as PatientAttachDeps;
  let calls = 0;
  const call = async (): Promise<EngineAnswer> => {
    const next = answers[Math.min(calls++, answers.length - 1)] ?? 'never';
    return next === 'never' ? new Promise(() => undefined) : next;
  };
  const endpoints = isClusterNetwork ? [{ network, address }] : [];
  const startMs = clock.now();
  let outcome: unknown;
  const patient = new PatientAttach(deps);
  const run = patient.run({ node, engineId: 'c', id: 'c', endpoints }, call, new AbortController().signal).then(
    ({ statusCode, body }) => ({ status: statusCode, message: JSON.parse(body.toString()).message }),
    ({ status, code, message }) => ({ status, code, message }),
  );
  void run.then((value) => {
    outcome = value;
  });
  for (let turn = 0; outcome === undefined && turn < 1_000; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(250);
  }
  return { outcome, calls, patient, tookMs: clock.now() - startMs };
}

test('what passes is tried again', async () => {
  const { outcome, calls } = await attach({ answers: [answer(500, SWARM_BUSY), answer(500, SWARM_BUSY), STARTED] });
  expect(outcome).toMatchObject({ status: 204 });
  expect(calls).toBe(3);
});

test.each([
  { name: 'a busy port', world: { answers: [answer(500, PORT_BUSY), STARTED] }, message: PORT_BUSY },
  {
    name: 'without a cluster network',
    world: { answers: [answer(500, SWARM_BUSY), STARTED], isClusterNetwork: false },
    message: SWARM_BUSY,
  },
])('what does not pass is final: $name', async ({ world, message }) => {
  expect(await attach(world)).toMatchObject({ outcome: { status: 500, message }, calls: 1 });
});

test('a container of --rm is gone after the first attempt: the answer is the first error', async () => {
  const answers = [answer(500, SWARM_BUSY), answer(404, 'No such container: c')];
  expect((await attach({ answers })).outcome).toEqual({ status: 500, message: SWARM_BUSY });
});

test('all attempts together have one deadline', async () => {
  const { outcome, tookMs } = await attach({ answers: [answer(500, SWARM_BUSY)] });
  expect(outcome).toMatchObject({ status: 500, message: SWARM_BUSY });
  expect(tookMs).toBeGreaterThan(30_000);
  expect(tookMs).toBeLessThan(70_000);
});

test('an address that another container holds is refused before the engine waits for it', async () => {
  const { outcome, calls } = await attach({ answers: [STARTED], address: '10.0.0.5', held: { other: '10.0.0.5' } });
  expect(outcome).toEqual({
    status: 403,
    code: 'ATTACH_REFUSED',
    message:
      'failed to set up container networking: Address already in use (10.0.0.5 in network web: container other on one)',
  });
  expect(calls).toBe(0);
});

test.each(['10.0.0.0', '10.0.0.7'])(
  'so is one that nobody can have, which the swarm would never give: %s',
  async (address) => {
    const { outcome, calls } = await attach({ answers: ['never'], address });
    expect(outcome).toMatchObject({
      status: 403,
      message: expect.stringContaining("the network's own or broadcast address"),
    });
    expect(calls).toBe(0);
  },
);

test.each([
  { name: 'it holds itself', key: 'c' },
  { name: 'is just being set up', key: 'ep-1f2e3d' },
])('an address that $name is no obstacle to a start', async ({ key }) => {
  const { outcome } = await attach({ answers: [STARTED], address: '10.0.0.5', held: { [key]: '10.0.0.5' } });
  expect(outcome).toMatchObject({ status: 204 });
});

const FIVE = Object.fromEntries([2, 3, 4, 5, 6].map((last) => [last === 2 ? 'lb-web' : `c${last}`, `10.0.0.${last}`]));

test('a full network is told while the engine still waits', async () => {
  const { outcome, tookMs } = await attach({ answers: ['never'], held: FIVE, isWaiting: true });
  expect(outcome).toEqual({
    status: 500,
    code: 'ATTACH_IMPOSSIBLE',
    message:
      "failed to set up container networking: no available IPv4 addresses on this network's address pools: web (web-id)",
  });
  expect(tookMs).toBeLessThan(10_000);
});

test('a container is not removed while its engine still attaches it', async () => {
  let answered: (answer: EngineAnswer) => void = () => undefined;
  const late = new Promise<EngineAnswer>((resolve) => {
    answered = resolve;
  });
  const { outcome, patient } = await attach({ answers: [late], held: FIVE, isWaiting: true });
  expect(outcome).toMatchObject({ code: 'ATTACH_IMPOSSIBLE' });
  let hasEnded = false;
  const ended = patient.ended('c', new AbortController().signal).then(() => {
    hasEnded = true;
  });
  await new Promise((resolve) => setImmediate(resolve));
  expect(hasEnded).toBe(false);
  await patient.ended('another', new AbortController().signal);
  answered(STARTED);
  await ended;
});

test('so is a network that never got any addresses', async () => {
  const { outcome } = await attach({ answers: ['never'], isAllocated: false, isWaiting: true });
  expect(outcome).toMatchObject({ code: 'ATTACH_IMPOSSIBLE' });
});

test.each([
  { name: 'an address is left', world: { held: { c3: '10.0.0.3' }, isWaiting: true } },
  { name: 'the attachment has come about', world: { held: FIVE, isWaiting: false } },
])('a start that only takes long is left to the engine: $name', async ({ world }) => {
  expect(await attach({ answers: ['never'], ...world })).toMatchObject({ outcome: undefined, calls: 1 });
});
