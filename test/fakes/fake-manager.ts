import { vi } from 'vitest';
import { FakeEngine, type FakeEngineOptions } from '../../simulator/fake-engine.ts';
import type { RefreshFilters } from '../../src/api/refresh-filters.ts';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { readClusterOptions } from '../../src/manager/cluster-options.ts';
import { type Manager, type ManagerOptions, startManager } from '../../src/manager/manager.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';

/** An answer of the manager's API. */
export interface ManagerAnswer {
  readonly status: number;
  readonly text: string;
  /** Undefined when the body is not one JSON value. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read answers of many shapes.
  readonly json: any;
}

/** A whole manager, as `enxame manage` starts it, over fake engines. Close it, or use `await using`. */
export class FakeManager implements AsyncDisposable {
  readonly manager: Manager;
  readonly engines: readonly FakeEngine[];
  readonly url: string;

  private constructor(manager: Manager, engines: readonly FakeEngine[]) {
    this.manager = manager;
    this.engines = engines;
    const [address] = manager.addresses;
    this.url = `http://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
  }

  /** Starts one engine per option set, named `node-1`, `node-2`, … by default, and waits until all are healthy. */
  static async start(
    options: readonly FakeEngineOptions[],
    {
      clusterOpts = [],
      refresh,
      metrics,
      stats,
      prices,
      page,
      discovery,
    }: {
      clusterOpts?: readonly string[];
      refresh?: RefreshFilters;
      metrics?: ManagerOptions['metrics'];
      stats?: ManagerOptions['stats'];
      prices?: ManagerOptions['prices'];
      page?: Partial<NonNullable<ManagerOptions['page']>>;
      /** Where nodes come from, given the engines' addresses: without it those, for good. */
      discovery?: (addresses: readonly string[]) => Promise<string>;
    } = {},
  ): Promise<FakeManager> {
    const engines = await Promise.all(options.map((each, i) => FakeEngine.start({ name: `node-${i + 1}`, ...each })));
    const addresses = engines.map(({ address }) => address);
    const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
    const manager = await startManager({
      backend: await openDiscovery((await discovery?.(addresses)) ?? addresses.join(','), settings),
      listeners: [parseListenAddress('tcp://127.0.0.1:0')],
      serverTls: undefined,
      engineTls: undefined,
      scheduler: schedulerOptions(),
      times: { ...DEFAULT_TIMES, probeIntervalMs: 200, probeTimeoutMs: 2_000, failureRetry: 2 },
      clusterOptions: readClusterOptions(['enxame.substrate=off', ...clusterOpts], false),
      refresh,
      metrics,
      stats,
      prices,
      page: page && { address: parseListenAddress('tcp://127.0.0.1:0'), actions: true, ...page },
      stateFolder: undefined,
      logger: silentLogger(),
      clock: systemClock,
    });
    await vi.waitFor(() => {
      for (const node of manager.cluster.nodes) if (!node.isHealthy) throw new Error(`${node.entry}: ${node.reason}`);
      if (manager.cluster.nodes.length !== engines.length) throw new Error('not all nodes are there');
    }, 120_000);
    return new FakeManager(manager, engines);
  }

  /** The i-th engine, from 0. */
  engine(index: number): FakeEngine {
    const engine = this.engines[index];
    if (!engine) throw new RangeError(`no engine ${index}`);
    return engine;
  }

  /** One call; a body that is no string is sent as JSON. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ManagerAnswer> {
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const response = await fetch(this.url + path, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      ...sent,
    });
    const text = await response.text();
    return { status: response.status, text, json: parse(text) };
  }

  /** Creates a container and returns its ID; throws when it is refused. */
  async create(name: string, body: Record<string, unknown> = {}): Promise<string> {
    const { status, json, text } = await this.call('POST', `/containers/create?name=${name}`, {
      Image: 'redis',
      ...body,
    });
    if (status !== 201) throw new Error(`${status} ${text}`);
    return json.Id;
  }

  async close(): Promise<void> {
    await this.manager.close();
    await Promise.all(this.engines.map((engine) => engine.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
