import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../common/clock.ts';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import { openDiscovery } from '../discovery/discovery.ts';
import { DEFAULT_TIMES } from '../monitor/times.ts';
import { schedulerOptions } from '../scheduler/scheduler.ts';
import { readClusterOptions } from './cluster-options.ts';
import { assertClusterName } from './find-cluster.ts';
import { startManager } from './manager.ts';

interface Life {
  readonly id: string;
  readonly warnings: readonly string[];
  readonly rows: ReadonlyMap<string, string>;
  readonly volumes: readonly string[];
}

interface Info {
  readonly ID: string;
  readonly Warnings: readonly string[];
  readonly SystemStatus: readonly (readonly [string, string])[];
}

let folder: string;
let engines: FakeEngine[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-find-'));
  engines = await FakeEngine.startMany(4);
});

afterEach(async () => {
  await Promise.all(engines.map((engine) => engine.close()));
  await rm(folder, { recursive: true, force: true });
});

function addresses(...indexes: readonly number[]): string {
  return indexes.map((index) => engines[index]?.address).join(',');
}

/** Starts a manager, makes a volume if told to, and stops it again when its engines were reached. */
async function live(
  discovery: string,
  options: { cluster?: string; make?: string; isDown?: boolean; port?: number } = {},
): Promise<Life> {
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  const manager = await startManager({
    backend: await openDiscovery(discovery, settings),
    discovery,
    cluster: options.cluster,
    listeners: [parseListenAddress(`tcp://127.0.0.1:${options.port ?? 0}`)],
    serverTls: undefined,
    engineTls: undefined,
    scheduler: schedulerOptions(),
    times: DEFAULT_TIMES,
    clusterOptions: readClusterOptions(['enxame.substrate=off'], false),
    stateFolder: folder,
    logger: silentLogger(),
    clock: systemClock,
  });
  try {
    const [address] = manager.addresses;
    const url = `http://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
    const isReached = (): boolean => manager.cluster.nodes.some(({ isHealthy }) => isHealthy);
    await new Promise<void>((resolve) => {
      if (options.isDown || isReached()) return resolve();
      manager.cluster.subscribe(() => isReached() && resolve());
    });
    if (options.make !== undefined) {
      const body = JSON.stringify({ Name: options.make });
      const headers = { 'Content-Type': 'application/json' };
      expect((await fetch(`${url}/volumes/create`, { method: 'POST', body, headers })).status).toBe(201);
    }
    const info = (await (await fetch(`${url}/info`)).json()) as Info;
    const { Volumes } = (await (await fetch(`${url}/volumes`)).json()) as { Volumes: { Name: string }[] };
    return {
      id: info.ID,
      warnings: info.Warnings,
      rows: new Map(info.SystemStatus),
      volumes: Volumes.map(({ Name }) => Name),
    };
  } finally {
    await manager.close();
  }
}

test('a start that fails leaves nothing open: the next one finds the state free', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  await expect(live(addresses(0), { port })).rejects.toThrow(String(port));
  other.close();
  expect((await live(addresses(0), { make: 'data' })).volumes).toEqual(['data']);
});

describe('the state of a cluster is found again', () => {
  test('by one engine more, another order, a file; strangers get one of their own', async () => {
    const first = await live(addresses(0, 1), { make: 'data' });
    expect(first.rows.get('Cluster')).toBe(first.id);
    expect(first.rows.get('State')).toMatch(/\(new: the state folder has no cluster yet\)$/);
    const again = await live(addresses(0, 1));
    expect(again.rows.get('State')).toMatch(/\(found by the discovery argument\)$/);
    const more = await live(addresses(2, 1, 0));
    expect(more.rows.get('State')).toMatch(/\(found by 2 of its engines\)$/);
    await writeFile(join(folder, 'nodes'), `${addresses(2)}\n`);
    const file = await live(`file://${join(folder, 'nodes')}`);
    for (const life of [again, more, file])
      expect(life).toMatchObject({ id: first.id, volumes: ['data'], warnings: [] });
    const other = await live(addresses(3));
    expect(other).toMatchObject({ volumes: [], warnings: [] });
    expect(other.id).not.toBe(first.id);
    expect((await readdir(join(folder, 'clusters'))).sort()).toEqual(['.starting', first.id, other.id].sort());
  });

  test('while no engine answers, by their addresses', async () => {
    const first = await live(addresses(0, 1), { make: 'data' });
    await Promise.all(engines.map((engine) => engine.apply({ kind: 'refuse' })));
    const discovery = `${addresses(1)},127.0.0.1:1`;
    const second = await live(discovery, { isDown: true });
    expect(second.id).toBe(first.id);
    expect(second.rows.get('State')).toMatch(
      /\(found by the addresses of 1 of its engines, which do not answer yet\)$/,
    );
  });

  test('by --cluster, a name or an ID; a lost folder begins again with the ID it had', async () => {
    const first = await live(addresses(0), { cluster: 'prod', make: 'data' });
    expect(first.rows.get('Cluster')).toBe(`prod (${first.id})`);
    for (const cluster of ['prod', first.id, first.id.slice(0, 6)])
      expect(await live(addresses(3), { cluster })).toMatchObject({ id: first.id, volumes: ['data'] });
    await expect(live(addresses(0, 3), { cluster: 'test' })).rejects.toThrow(
      `--cluster test: these engines are those of cluster prod (${first.id}). Give --cluster prod`,
    );
    await rm(folder, { recursive: true });
    expect(await live(addresses(0), { cluster: first.id })).toMatchObject({ id: first.id, volumes: [] });
    const taken = await live(addresses(0), { cluster: '0123456789abcdef' });
    expect(taken.id).toBe(first.id);
  });

  test('an engine that moves between two clusters is said', async () => {
    const one = await live(addresses(0, 1));
    const two = await live(addresses(2, 3));
    const mixed = await live(addresses(0, 2, 3));
    expect(mixed.id).toBe(two.id);
    expect(mixed.warnings.join()).toContain(`1 of these engines belonged to cluster ${one.id}`);
    await expect(live(addresses(1, 3))).rejects.toThrow(/several clusters that have a state here/);
  });
});

test.each(['', '-x', 'a b', 'x'.repeat(64), 'ü'])('no name of a cluster: %j', (name) => {
  expect(() => assertClusterName(name)).toThrow(/a name has 1 to 63 letters/);
});
