import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../common/clock.ts';
import { parseEntry } from '../discovery/entry.ts';
import { EngineClient } from '../engine/client.ts';
import { connectorFor } from '../engine/connectors/connectors.ts';
import { assertWhole, type DepartingEngine, depart, type Survey, surveyDeparture } from './departure.ts';
import { MARK_LABEL } from './types.ts';

const engines: FakeEngine[] = [];
const departing: DepartingEngine[] = [];
const signal = new AbortController().signal;

afterEach(async () => {
  await Promise.all(departing.splice(0).map(({ client }) => client.close()));
  await Promise.all(engines.splice(0).map((engine) => engine.close()));
});

/** An engine in swarm mode (none without `nodeId`), as its `/info` says. */
async function engine(
  name: string,
  swarm: { nodeId?: string; mark?: string; isManager?: boolean } = {},
): Promise<FakeEngine> {
  const fake = await FakeEngine.start({ name });
  const { nodeId, mark, isManager = false } = swarm;
  const Cluster = mark === undefined ? null : { ID: `swarm-${mark}`, Spec: { Labels: { [MARK_LABEL]: mark } } };
  const LocalNodeState = nodeId === undefined ? 'inactive' : 'active';
  fake.lie('GET /info', 200, {
    ID: `id-${name}`,
    Name: name,
    Swarm: { NodeID: nodeId ?? '', LocalNodeState, ControlAvailable: isManager, Cluster },
  });
  engines.push(fake);
  const client = new EngineClient(await connectorFor(parseEntry(fake.address), { tls: undefined }));
  departing.push({ entry: fake.address, client });
  return fake;
}

function nodes(...listed: readonly [id: string, role: 'manager' | 'worker', isLeader?: boolean][]): object[] {
  return listed.map(([ID, Role, Leader]) => ({
    ID,
    Version: { Index: 1 },
    Spec: { Role },
    Description: { Hostname: `host-${ID}` },
    Status: { State: 'ready', Addr: '10.0.0.1' },
    ...(Role === 'manager' ? { ManagerStatus: { Leader: Leader ?? false, Reachability: 'reachable' } } : {}),
  }));
}

function survey(marks: readonly string[] = ['own'], nodeIds: readonly string[] = []): Promise<Survey> {
  return surveyDeparture(departing, { marks: new Set(marks), nodeIds: new Set(nodeIds) }, signal);
}

function kinds({ engines: found }: Survey): string[] {
  return found.map(({ name, standing }) => `${name} ${standing.kind === 'member' ? standing.role : standing.kind}`);
}

describe('who belongs to the cluster', () => {
  test('managers by their mark, workers by a manager’s list; others and strangers do not', async () => {
    const leader = await engine('a', { nodeId: 'n1', mark: 'own', isManager: true });
    await engine('b', { nodeId: 'n2' });
    await engine('c');
    await engine('d', { nodeId: 'x1', mark: 'other', isManager: true });
    await engine('e', { nodeId: 'x2' });
    leader.lie('GET /nodes', 200, nodes(['n1', 'manager', true], ['n2', 'worker'], ['n3', 'worker']));
    const found = await survey();
    expect(kinds(found)).toEqual(['a leader', 'b worker', 'c free', 'd other', 'e other']);
    expect(found.staying).toEqual(['host-n3']);
    expect(() => assertWhole(found)).toThrow(/^host-n3 would stay in the swarm without the others: nothing was done\./);
  });

  test('what is remembered, when no manager has a leader any more', async () => {
    await engine('a', { nodeId: 'n1', isManager: true });
    await engine('b', { nodeId: 'n2' });
    expect(kinds(await survey())).toEqual(['a other', 'b other']);
    expect(kinds(await survey([], ['n1', 'n2']))).toEqual(['a manager', 'b worker']);
  });

  test('an engine that does not answer stops everything', async () => {
    await (await engine('a', { nodeId: 'n1', mark: 'own', isManager: true })).apply({ kind: 'refuse' });
    const found = await survey();
    expect(kinds(found)[0]).toMatch(/ unreachable$/);
    expect(() => assertWhole(found)).toThrow(/does not answer .*: nothing was done\./);
  });
});

test('workers leave first, managers are demoted before, the leader is last', async () => {
  const order: string[] = [];
  const listed = nodes(['n1', 'manager', true], ['n2', 'manager'], ['n3', 'worker']);
  for (const [name, nodeId, isManager] of [
    ['leader', 'n1', true],
    ['manager', 'n2', true],
    ['worker', 'n3', false],
  ] as const) {
    const fake = await engine(name, { nodeId, isManager, ...(isManager ? { mark: 'own' } : {}) });
    fake.lie('GET /nodes', 200, listed);
    fake.lie('GET /nodes/n2', 200, listed[1]);
    fake.on('POST /nodes/n2/update', (exchange) => {
      order.push('demote manager');
      // It is a worker from now on.
      const manager = engines[1];
      manager?.lie('GET /info', 200, { Swarm: { NodeID: 'n2', LocalNodeState: 'active', ControlAvailable: false } });
      exchange.json(200, '');
      return true;
    });
    fake.on('POST /swarm/leave', (exchange) => {
      order.push(`${name} leaves`);
      exchange.json(200, '');
      return true;
    });
  }
  const left: string[] = [];
  expect(await depart(await survey(), { clock: systemClock, report: ({ name }) => left.push(name), signal })).toBe(
    true,
  );
  expect(order).toEqual(['worker leaves', 'demote manager', 'manager leaves', 'leader leaves']);
  expect(left).toEqual(['worker', 'manager', 'leader']);
});
