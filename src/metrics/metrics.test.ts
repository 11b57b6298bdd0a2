import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { containerSummary, engineInfo, nowhere } from '../../test/fakes/model.ts';
import { Cluster } from '../cluster/cluster.ts';
import { Node } from '../cluster/node.ts';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import { EngineClient } from '../engine/client.ts';
import type { Everywhere } from '../publish/everywhere.ts';
import { Connections } from '../relay/connections.ts';
import { Sampler } from '../stats/sampler.ts';
import { Metrics } from './metrics.ts';
import { ModelFollower } from './model-follower.ts';
import type { MetricsDetail } from './sources.ts';

function start(engines: number, detail: MetricsDetail = 'nodes'): Promise<FakeManager> {
  const metrics = { address: parseListenAddress('tcp://127.0.0.1:0'), detail };
  return FakeManager.start(
    Array.from({ length: engines }, () => ({ images: ['redis:latest'] })),
    { metrics },
  );
}

async function scrape({ manager }: FakeManager): Promise<string> {
  const answer = await fetch(`${manager.metrics?.url}/metrics`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return answer.text();
}

/** The value of a series; undefined when there is none. */
function seriesIn(text: string, series: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

describe('the metrics of a manager', () => {
  test('tell nodes, containers, calls, placements and refusals', async () => {
    await using swarm = await start(2);
    const id = await swarm.create('one');
    await swarm.call('POST', `/containers/${id}/start`);
    expect(
      (await swarm.call('POST', '/containers/create', { Image: 'redis', Env: ['constraint:node==nowhere'] })).status,
    ).toBe(500);
    await swarm.call('GET', '/containers/none/json');
    await swarm.call('GET', '/no/such/page');
    const text = await scrape(swarm);
    expect({
      healthy: seriesIn(text, 'enxame_nodes{state="healthy"}'),
      running: seriesIn(text, 'enxame_containers{state="running"}'),
      primary: seriesIn(text, 'enxame_manager_primary'),
      placed: seriesIn(text, 'enxame_scheduler_placements_total'),
      refused: seriesIn(text, 'enxame_scheduler_refusals_total{filter="constraint"}'),
      created: seriesIn(text, 'enxame_api_requests_total{operation="POST /containers/create",code="201"}'),
      missing: seriesIn(text, 'enxame_api_requests_total{operation="GET /containers/{id}/json",code="404"}'),
      pages: seriesIn(text, 'enxame_api_requests_total{operation="none",code="404"}'),
      timed: seriesIn(text, 'enxame_api_request_duration_seconds_count{operation="POST /containers/{id}/start"}'),
      node: seriesIn(text, 'enxame_node_healthy{node="node-1"}'),
    }).toEqual({
      healthy: 2,
      running: 1,
      primary: 1,
      placed: 1,
      refused: 1,
      created: 1,
      missing: 1,
      pages: 1,
      timed: 1,
      node: 1,
    });
    expect(seriesIn(text, 'enxame_node_requests_total{node="node-1",result="answered"}')).toBeGreaterThan(0);
    expect(seriesIn(text, 'enxame_event_lag_seconds_count')).toBeGreaterThan(0);
    expect(seriesIn(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
  });

  test('tell a node that is lost, and its containers as unreachable', async () => {
    await using swarm = await start(1);
    await swarm.create('one');
    await swarm.engine(0).close();
    await vi.waitFor(async () => {
      const text = await scrape(swarm);
      expect(seriesIn(text, 'enxame_nodes{state="unhealthy"}')).toBe(1);
      expect(seriesIn(text, 'enxame_containers{state="unreachable"}')).toBe(1);
      expect(seriesIn(text, 'enxame_node_losses_total')).toBe(1);
      expect(seriesIn(text, 'enxame_engine_requests_total{result="failed"}')).toBeGreaterThan(0);
    }, 180_000);
  });

  test('tell a stream that is open, and that it is not any more', async () => {
    await using swarm = await start(1);
    const leave = new AbortController();
    const events = await fetch(`${swarm.url}/events`, { signal: leave.signal });
    expect(events.status).toBe(200);
    const running = 'enxame_api_running{operation="GET /events"}';
    await vi.waitFor(async () => {
      const text = await scrape(swarm);
      expect(seriesIn(text, running)).toBe(1);
      expect(seriesIn(text, 'enxame_event_subscribers')).toBe(1);
    }, 180_000);
    leave.abort();
    await vi.waitFor(async () => expect(seriesIn(await scrape(swarm), running)).toBe(0), 120_000);
  });

  test('do not tell nodes apart unless that is asked', async () => {
    await using swarm = await start(2, 'cluster');
    const text = await scrape(swarm);
    expect(text).not.toMatch(/node="/);
    expect(seriesIn(text, 'enxame_engine_requests_total{result="answered"}')).toBeGreaterThan(0);
  });

  test('are alone on their listener, for reading', async () => {
    await using swarm = await start(1);
    const url = swarm.manager.metrics?.url ?? '';
    expect((await fetch(`${url}/containers/json`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status).toBe(405);
    expect((await fetch(`${url}/metrics`, { method: 'HEAD' })).status).toBe(200);
    expect((await fetch(`${url}/metrics`, { headers: { Origin: 'http://evil.example' } })).status).toBe(403);
    expect((await swarm.call('GET', '/metrics')).status).toBe(404);
  });

  test('whose port is taken keep the manager from starting, in one line', async () => {
    await using swarm = await start(1);
    const { address } = swarm.manager.metrics ?? {};
    if (!address) throw new Error('no metrics');
    await expect(FakeManager.start([{}], { metrics: { address, detail: 'nodes' } })).rejects.toThrow(
      `cannot listen on ${address.text}: another process has it. Stop that one or choose another with --metrics`,
    );
  });
});

test('containers by state are what the model holds, after any history', () => {
  const aStep = fc.record({
    do: fc.constantFrom('list', 'list', 'list', 'lose', 'find', 'leave', 'join'),
    node: fc.nat(2),
    containers: fc.uniqueArray(
      fc.record({ id: fc.constantFrom('a', 'b', 'c'), state: fc.constantFrom('running', 'exited') }),
      {
        selector: ({ id }) => id,
      },
    ),
  });
  fc.assert(
    fc.property(fc.array(aStep, { maxLength: 60 }), (steps) => {
      const clock = new FakeClock();
      const cluster = new Cluster({ clock, logger: silentLogger() });
      const follower = new ModelFollower({ cluster, clock, onLag: () => undefined });
      let joined = 0;
      for (const step of steps) {
        const node = cluster.nodes[step.node % Math.max(1, cluster.nodes.length)];
        if (step.do === 'join') {
          joined += 1;
          const added = new Node(`n${joined}:2375`, new EngineClient(nowhere()), '10.0.0.9');
          cluster.addNode(added);
          cluster.setInfo(added, engineInfo(`n${joined}`, `id-${joined}`));
          cluster.setState(added, 'Healthy', '');
        } else if (!node) continue;
        else if (step.do === 'leave') cluster.removeNode(node);
        else if (step.do === 'lose') cluster.setState(node, 'Unhealthy', 'x');
        else if (step.do === 'find') cluster.setState(node, 'Healthy', '');
        else {
          const summaries = step.containers.map(({ id, state }) =>
            containerSummary(`${id}${node.name}`.padEnd(64, '0'), { State: state }),
          );
          cluster.replaceContainers(node, summaries);
        }
      }
      const expected = new Map<string, number>();
      for (const node of cluster.nodes) {
        for (const { state } of node.containers.values()) {
          const shown = node.isHealthy ? state : 'unreachable';
          expected.set(shown, (expected.get(shown) ?? 0) + 1);
        }
      }
      expect(new Map(follower.containers())).toEqual(expected);
    }),
  );
});

describe('docs/observability', () => {
  const OWN = /\b(?:enxame|process|nodejs)_[a-z0-9_]*[a-z0-9]\b(?!_)/g;
  const page = readFileSync('docs/observability.md', 'utf8').replace(/ +/g, ' ');

  async function described(): ReturnType<Metrics['described']> {
    const clock = new FakeClock();
    const cluster = new Cluster({ clock, logger: silentLogger() });
    const metrics = new Metrics(
      {
        cluster,
        desired: { all: () => [].values(), subscribe: () => () => undefined },
        clock,
        stats: new Sampler({ cluster, clock }, { intervalMs: 10_000 }),
        decisions: { placed: 0, refused: new Map() },
        copies: { running: 0, copied: 0, failed: 0, bytes: 0 },
        writes: { written: 0, failed: 0, seconds: 0 },
        substrate: () => ({
          swarmId: undefined,
          epoch: 0,
          guestOf: undefined,
          active: new Set<string>(),
          managers: [],
          problems: new Map<string, string>(),
          notices: [],
          excluded: new Set<string>(),
        }),
        isPrimary: () => true,
        waitingRemovals: () => 0,
        eventSubscribers: () => 0,
        publishing: {
          counts: { open: 3, waiting: 1 },
          connections: new Connections({ total: 10, perPort: 10 }),
          everywhere: { counts: { ports: 2, agents: 1 } } as Everywhere,
        },
        problems: () => [],
      },
      { detail: 'containers' },
    );
    try {
      return await metrics.described();
    } finally {
      metrics.close();
    }
  }

  test('the page lists every metric of the manager as it is', async () => {
    const own = (await described()).filter(({ name }) => name.startsWith('enxame_'));
    expect(own.length).toBeGreaterThan(20);
    const lines = own.map(
      ({ name, labels, type, help }) =>
        `| \`${name}${labels.length === 0 ? '' : `{${labels.join(',')}}`}\` | ${type} | ${help} |`,
    );
    expect(lines.filter((line) => !page.includes(line))).toEqual([]);
  });

  test.each(['../observability.md', 'alerts.yml', 'dashboard.json'])(
    '%s names only metrics that exist',
    async (file) => {
      const names = new Set((await described()).map(({ name }) => name));
      const used = new Set(readFileSync(`docs/observability/${file}`, 'utf8').match(OWN));
      const unknown = [...used].filter(
        (name) => !names.has(name) && !names.has(name.replace(/_(bucket|sum|count)$/, '')),
      );
      expect(used.size).toBeGreaterThan(5);
      expect(unknown).toEqual([]);
    },
  );
});
