import { afterEach, describe, expect, it } from 'vitest';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { keyOf } from '../../test/fakes/simulated-mesh.ts';
import { type Clock, systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { Mesh } from './mesh.ts';
import type { MeshOrder, MeshQuestion, MeshReport } from './protocol.ts';
import type { MeshAgents } from './sights.ts';

/** Agents that do at once what they are told. */
class Agents implements MeshAgents {
  readonly orders = new Map<string, MeshOrder>();
  readonly keys = new Map<string, string>();
  readonly gone = new Set<string>();
  readonly #ids: readonly string[];

  constructor(ids: readonly string[]) {
    this.#ids = ids;
    for (const id of ids) this.keys.set(id, keyOf(id));
  }

  list(): readonly { readonly id: string; readonly from: string; readonly sinceMs: number }[] {
    return this.#ids.filter((id) => !this.gone.has(id)).map((id) => ({ id, from: '192.0.2.1', sinceMs: 1 }));
  }

  async ask(id: string, _path: string, question: unknown): Promise<{ status: number; body: unknown }> {
    if (id === 'plain') return { status: 404, body: {} };
    const { order } = question as MeshQuestion;
    if (order) this.orders.set(id, order);
    const report: MeshReport = {
      key: this.keys.get(id) ?? '',
      port: 51820,
      kind: 'program',
      interface: 'enxame-1',
      ...(id.startsWith('pub') && { public: '198.51.100.1:51820' }),
      addresses: [],
      routes: [],
      applied: this.orders.get(id)?.digest,
      peers: [],
      ways: [],
      problems: [],
      nowMs: Date.now(),
    };
    return { status: 200, body: JSON.parse(JSON.stringify(report)) };
  }
}

/** However slow the machine is, nothing takes so long that it is not waited for any more. */
const CLOCK: Clock = { ...systemClock, elapsed: () => 0 };

const opened: Mesh[] = [];
afterEach(async () => {
  for (const mesh of opened.splice(0)) await mesh.close();
});

async function meshOf(
  agents: Agents,
  records: RecordStore = memoryRecords().records,
  revoked = new Set<string>(),
  unlisted = new Set<string>(),
): Promise<Mesh> {
  const logger = silentLogger();
  const revocations = { has: (id: string) => revoked.has(id), subscribe: () => () => undefined };
  const listed = (): ReadonlySet<string> => new Set([...agents.keys.keys()].filter((id) => !unlisted.has(id)));
  const mesh = await Mesh.open({ agents, records, revoked: revocations, listed, clock: CLOCK, logger });
  opened.push(mesh);
  mesh.start();
  return mesh;
}

describe('the mesh', () => {
  it('gives each node that asks for it an address, and tells it its peers', async () => {
    const agents = new Agents(['pub', 'a', 'b', 'plain']);
    const mesh = await meshOf(agents);
    await expect
      .poll(() => mesh.status.nodes.map(({ id, state }) => `${id} ${state}`))
      .toEqual(['a up', 'b up', 'pub up']);
    expect(agents.orders.get('a')?.peers.map(({ key }) => key)).toEqual([keyOf('pub')]);
    expect(mesh.addressOf('a')).toBe(agents.orders.get('a')?.address);
    expect(mesh.addressOf('plain')).toBeUndefined();
  });

  it('takes the key of a revoked node from all others', async () => {
    const agents = new Agents(['pub', 'a']);
    const revoked = new Set<string>();
    const mesh = await meshOf(agents, memoryRecords().records, revoked);
    await expect.poll(() => agents.orders.get('pub')?.peers.length).toBe(1);
    revoked.add('a');
    await expect.poll(() => agents.orders.get('pub')?.peers).toEqual([]);
    expect(mesh.addressOf('a')).toBeUndefined();
  });

  it('takes the key of a removed node from all others, also at the next start, and lets it in no more while nobody lists it', async () => {
    const agents = new Agents(['pub', 'a', 'b']);
    const [records, unlisted] = [memoryRecords().records, new Set<string>()];
    const mesh = await meshOf(agents, records, new Set(), unlisted);
    await expect.poll(() => agents.orders.get('pub')?.peers.length).toBe(2);
    await expect(mesh.remove('a')).rejects.toThrow('a is a node of the cluster, and its agent answers');
    unlisted.add('a');
    expect(mesh.problems().join()).toContain("mesh: a: discovery lists it no more: 'enxame mesh rm a' takes");
    expect(await mesh.remove('a')).toBe(true);
    expect(await mesh.remove('a')).toBe(false);
    const others = (): unknown => agents.orders.get('pub')?.peers.map(({ key }) => key);
    await expect.poll(others).toEqual([keyOf('b')]);
    await expect.poll(() => mesh.problems().join()).toContain('mesh: a: discovery does not list it: add agent://a');
    await mesh.close();
    agents.orders.clear();
    await meshOf(agents, records, new Set(), unlisted);
    await expect.poll(others).toEqual([keyOf('b')]);
    unlisted.delete('a');
    await expect.poll(() => agents.orders.get('pub')?.peers.length).toBe(2);
  });

  it('changes nothing after a start before its members have dialled in, and remembers their addresses', async () => {
    const agents = new Agents(['pub', 'a', 'b']);
    const records = memoryRecords().records;
    const first = await meshOf(agents, records);
    await expect.poll(() => agents.orders.size).toBe(3);
    const address = first.addressOf('a');
    await first.stop();
    agents.gone.add('b');
    agents.orders.clear();
    const second = await meshOf(agents, records);
    expect(second.addressOf('a')).toBe(address);
    await expect.poll(() => second.status.nodes.filter(({ state }) => state !== 'silent').length).toBe(2);
    expect(agents.orders.size).toBe(0);
    agents.gone.delete('b');
    await expect.poll(() => agents.orders.size).toBe(3);
  });

  it('refuses a copy of a node, and says of which', async () => {
    const agents = new Agents(['a', 'pub']);
    const mesh = await meshOf(agents);
    await expect.poll(() => agents.orders.size).toBe(2);
    agents.keys.set('pub', keyOf('a'));
    await expect.poll(() => mesh.problems().join('\n')).toContain('WARNING: mesh: pub: its key is that of a');
    // With what the other one was told last it would take its place at all others.
    await expect.poll(() => agents.orders.get('pub')?.peers).toEqual([]);
  });
});
