import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { silentLogger } from '../common/logger.ts';
import { uptimeMs } from '../common/uptime.ts';
import { EngineClient } from '../engine/client.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { isProcessOf } from './end-containers.ts';
import { FenceAgent } from './fence-agent.ts';
import { guard } from './guard.ts';
import { NO_ORDERS, readLease, removeLease, writeLease } from './lease-file.ts';
import type { PeerNews } from './peers.ts';
import { askPeers, openPeerDoor } from './peers.ts';

const STRICT = { 'io.enxame.fence': 'strict' };
const FENCE_MS = 10_000;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function clientOf({ address }: FakeEngine): EngineClient {
  const [host = '', port = ''] = address.split(':');
  return new EngineClient(tcpConnector(host, Number(port)));
}

/** An agent whose time a test sets, on an engine with one strict container; the manager is another server that can be switched off. */
async function world(news: PeerNews = { reached: 0, isManagerHeard: false }) {
  const [engine, manager] = [await FakeEngine.start(), await FakeEngine.start()];
  const folder = await mkdtemp(join(tmpdir(), 'enxame-fence-'));
  const clients = [clientOf(engine), clientOf(manager)] as const;
  closing.push(
    () => rm(folder, { recursive: true }),
    () => engine.close(),
    () => manager.close(),
    ...clients.map((client) => () => client.close()),
  );
  const strict = engine.run({ name: 'writer', labels: STRICT });
  const other = engine.run({ name: 'web' });
  const orders = { agents: 3, peers: ['10.0.0.2:1', '10.0.0.3:1'] };
  const endManager = manager.lie('POST /enxame/v1/agents/*', 200, orders);
  const time = { ms: 1_000_000 };
  const leaseFile = join(folder, 'lease');
  const agent = new FenceAgent(
    {
      engine: clients[0],
      managers: [clients[1]],
      askPeers: async () => news,
      logger: silentLogger(),
      uptime: () => time.ms,
    },
    { fenceMs: FENCE_MS, leaseFile, agent: 'one' },
  );
  return { agent, engine, strict, other, time, leaseFile, endManager, manager };
}

describe('an agent', () => {
  test('keeps strict containers while it renews, and ends them, and no others, when it could not for the fence time', async () => {
    const at = await world();
    await at.agent.step();
    expect(at.agent.hears).toBe(true);
    expect(await readLease(at.leaseFile)).toMatchObject({ untilMs: at.time.ms + FENCE_MS, agent: 'one' });
    at.endManager();
    at.time.ms += FENCE_MS - 1;
    await at.agent.step();
    expect(at.agent.hears).toBe(false);
    expect(at.strict.state).toBe('running');
    at.time.ms += 1;
    await at.agent.step();
    expect([at.strict.state, at.other.state]).toEqual(['exited', 'running']);
  });

  test.each(['null', '5', '{}', '{"agents":3,"peers":[7]}'])('does not renew by an answer such as %s', async (text) => {
    const at = await world({ reached: 2, isManagerHeard: false });
    await at.agent.step();
    const lease = await readLease(at.leaseFile);
    at.manager.on('POST /enxame/v1/agents/*', (exchange) => {
      exchange.json(200, text);
      return true;
    });
    at.time.ms += FENCE_MS / 4;
    await at.agent.step();
    expect(at.agent.hears).toBe(false);
    expect(await readLease(at.leaseFile)).toEqual(lease);
    at.time.ms += FENCE_MS / 2;
    await at.agent.step();
    expect(at.strict.state).toBe('running');
    expect((await readLease(at.leaseFile))?.untilMs).toBeGreaterThan(lease?.untilMs ?? Number.NaN);
  });

  test('that was asleep ends them before it renews', async () => {
    const at = await world();
    await at.agent.step();
    at.time.ms += 60_000;
    const states: string[] = [];
    at.manager.on('POST /enxame/v1/agents/*', () => {
      states.push(at.strict.state);
      return false;
    });
    await at.agent.step();
    expect(states).toEqual(['exited']);
    expect(at.agent.hears).toBe(true);
  });

  test('does not renew for an engine that does not answer', async () => {
    const at = await world({ reached: 2, isManagerHeard: false });
    await at.agent.step();
    const lease = await readLease(at.leaseFile);
    await at.engine.apply({ kind: 'refuse' });
    at.time.ms += (FENCE_MS * 3) / 4;
    await at.agent.step();
    expect(at.agent.hears).toBe(false);
    expect(await readLease(at.leaseFile)).toEqual(lease);
    await at.engine.apply({ kind: 'none' });
  });

  test('whose lease cannot be written goes on, and ends them when the written one is over', async () => {
    const at = await world({ reached: 2, isManagerHeard: false });
    await at.agent.step();
    at.endManager();
    await rm(dirname(at.leaseFile), { recursive: true });
    at.time.ms += (FENCE_MS * 3) / 4;
    await at.agent.step();
    expect(at.strict.state).toBe('running');
    at.time.ms += FENCE_MS / 4;
    await at.agent.step();
    expect(at.strict.state).toBe('exited');
    await mkdir(dirname(at.leaseFile));
  });

  test('whose lease cannot be written tells the manager, which starts nothing there then', async () => {
    const at = await world();
    await at.agent.step();
    const said: unknown[] = [];
    at.manager.on('POST /enxame/v1/agents/*', (exchange) => {
      exchange.readJson(({ lacks }) => {
        said.push(lacks);
        exchange.json(200, '{"agents":1,"peers":[]}');
      });
      return true;
    });
    await rm(dirname(at.leaseFile), { recursive: true });
    await at.agent.step();
    await mkdir(dirname(at.leaseFile));
    for (let step = 0; step < 2; step++) await at.agent.step();
    expect(said).toEqual([undefined, expect.stringMatching(/^write the lease: .*ENOENT/), undefined]);
  });

  test('that is told to end hands its lease back, unless its engine is gone', async () => {
    const at = await world();
    let handedBack = 0;
    at.manager.lie('DELETE /enxame/v1/agents/*', 204, '');
    at.manager.on('DELETE /enxame/v1/agents/*', () => {
      handedBack += 1;
      return false;
    });
    await at.agent.step();
    await at.engine.apply({ kind: 'refuse' });
    await at.agent.run(AbortSignal.abort());
    expect([handedBack, (await readLease(at.leaseFile))?.agent]).toEqual([0, 'one']);
    await at.engine.apply({ kind: 'none' });
    await at.agent.run(AbortSignal.abort());
    expect([handedBack, await readLease(at.leaseFile)]).toEqual([1, undefined]);
  });

  test('keeps to the lease of its earlier life', async () => {
    const at = await world();
    await writeLease(at.leaseFile, {
      untilMs: at.time.ms + 5_000,
      containers: [],
      orders: NO_ORDERS,
      agent: 'earlier',
    });
    at.endManager();
    await at.agent.step();
    expect(at.strict.state).toBe('running');
    at.time.ms += 5_000;
    await at.agent.step();
    expect(at.strict.state).toBe('exited');
  });

  test('without one ends what it cannot renew', async () => {
    const at = await world();
    at.endManager();
    await at.agent.step();
    expect(at.strict.state).toBe('exited');
  });
});

describe('an agent that is ordered to end what has no label', () => {
  /** The manager orders so from now on; what the agent says of it. */
  function order(at: Awaited<ReturnType<typeof world>>, orders: { strict: string[]; plain: string[] }) {
    const said: unknown[] = [];
    at.manager.on('POST /enxame/v1/agents/*', (exchange) => {
      exchange.readJson(({ strict }) => {
        said.push(strict);
        exchange.json(200, JSON.stringify({ agents: 1, peers: [], ...orders }));
      });
      return true;
    });
    return said;
  }

  test('says so once its lease names it, ends it with the lease, and spares what is strict no more', async () => {
    const at = await world();
    await at.agent.step();
    const said = order(at, { strict: [at.other.id], plain: [at.strict.id] });
    await at.agent.step();
    expect(await readLease(at.leaseFile)).toMatchObject({
      containers: [{ id: at.other.id }],
      orders: { strict: [at.other.id], plain: [at.strict.id] },
    });
    await at.agent.step();
    expect(said).toEqual([[], [at.other.id]]);
    await at.manager.apply({ kind: 'refuse' });
    at.time.ms += FENCE_MS;
    await at.agent.step();
    expect([at.strict.state, at.other.state]).toEqual(['running', 'exited']);
  });

  test('keeps to the orders of its earlier life', async () => {
    const at = await world();
    const orders = { strict: [at.other.id], plain: [at.strict.id] };
    await writeLease(at.leaseFile, { untilMs: at.time.ms, containers: [], orders, agent: 'earlier' });
    const said = order(at, orders);
    await at.agent.step();
    expect(said).toEqual([[at.other.id]]);
    expect([at.strict.state, at.other.state]).toEqual(['running', 'exited']);
  });

  test('renews though one of them is gone, or does not run', async () => {
    const at = await world();
    at.other.state = 'exited';
    order(at, { strict: [at.other.id, 'f'.repeat(64)], plain: [] });
    await at.agent.step();
    expect(at.agent.hears).toBe(true);
    expect((await readLease(at.leaseFile))?.containers.map(({ id }) => id)).toEqual([at.strict.id]);
  });
});

describe('an agent that hears no manager', () => {
  test.each([
    {
      what: 'reaches most of the others, which hear none either',
      news: { reached: 1, isManagerHeard: false },
      keeps: true,
    },
    {
      what: 'reaches most of the others, one of which hears one',
      news: { reached: 2, isManagerHeard: true },
      keeps: false,
    },
    { what: 'reaches no other', news: { reached: 0, isManagerHeard: false }, keeps: false },
  ])('and $what: keeps strict containers: $keeps', async ({ news, keeps }) => {
    const at = await world(news);
    await at.agent.step();
    at.endManager();
    for (let i = 0; i < 8; i++) {
      at.time.ms += FENCE_MS / 4;
      await at.agent.step();
    }
    expect(at.strict.state).toBe(keeps ? 'running' : 'exited');
  });
});

describe('the guard', () => {
  async function guarded(untilMs: number) {
    const at = await world();
    const path = `${at.leaseFile}-guarded`;
    await writeLease(path, { untilMs, containers: [], orders: NO_ORDERS, agent: 'one' });
    const stop = new AbortController();
    const client = clientOf(at.engine);
    const done = guard(client, { path, agent: 'one', mayBegin: () => false, signal: stop.signal });
    closing.push(async () => {
      stop.abort();
      await done;
      await client.close();
    });
    return { ...at, path, done };
  }

  test('ends strict containers when nobody renews the lease', async () => {
    const at = await guarded(uptimeMs() + 300);
    expect(at.strict.state).toBe('running');
    await waitUntil(() => at.strict.state === 'exited');
    expect(at.other.state).toBe('running');
  });

  test('goes when the lease is handed back, or is a later agent’s', async () => {
    const at = await guarded(uptimeMs() + 60_000);
    await removeLease(at.path);
    await at.done;
    const later = await guarded(uptimeMs() + 60_000);
    await writeLease(later.path, { untilMs: 0, containers: [], orders: NO_ORDERS, agent: 'two' });
    await later.done;
    expect([at.strict.state, later.strict.state]).toEqual(['running', 'running']);
  });
});

test('agents tell each other whether they hear a manager', async () => {
  const hearing = { now: true };
  const door = await openPeerDoor({ port: 0 }, undefined, () => hearing.now);
  closing.push(() => door.close());
  const peers = [`127.0.0.1:${door.port}`, '127.0.0.1:1'];
  expect(await askPeers(peers, undefined, 5_000)).toEqual({ reached: 1, isManagerHeard: true });
  hearing.now = false;
  expect(await askPeers(peers, undefined, 5_000)).toEqual({ reached: 1, isManagerHeard: false });
});

test('a process is a container’s only when its control group says so', async () => {
  expect(await isProcessOf('f'.repeat(64), process.pid)).toBe(false);
  expect(await isProcessOf('f'.repeat(64), 0)).toBe(false);
});
