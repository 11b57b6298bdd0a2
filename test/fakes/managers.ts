import type { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import type { SharedStore } from '../../src/kv/shared/shared-store.ts';
import { readClusterOptions } from '../../src/manager/cluster-options.ts';
import { type Manager, startManager } from '../../src/manager/manager.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';
import { freePorts } from '../free-ports.ts';
import type { ManagerAnswer } from './fake-manager.ts';
import type { MemoryKeyspace } from './memory-keyspace.ts';

/** One of several managers over the same fake engines. */
export interface TestManager {
  readonly manager: Manager;
  /** `host:port`. */
  readonly advertise: string;
  /** Its line to the store that managers share, which can be cut. */
  readonly keys: MemoryKeyspace | undefined;
  close(): Promise<void>;
}

/** Starts a manager, which may be one of several. */
export async function startTestManager({
  engines,
  stateFolder,
  shared,
  advertise: wanted,
  page = false,
}: {
  readonly engines: readonly FakeEngine[];
  readonly stateFolder: string;
  /** Default: a free port of 127.0.0.1. */
  readonly advertise?: string | undefined;
  /** Whether it serves a page whose sessions may act. */
  readonly page?: boolean;
  readonly shared?: { readonly store: SharedStore; readonly name: string; readonly keys: MemoryKeyspace };
}): Promise<TestManager> {
  const [port = 0] = await freePorts(1);
  const advertise = wanted ?? `127.0.0.1:${port}`;
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  const manager = await startManager({
    backend: await openDiscovery(engines.map(({ address }) => address).join(','), settings),
    listeners: [parseListenAddress(`tcp://${advertise}`)],
    serverTls: undefined,
    engineTls: undefined,
    scheduler: schedulerOptions(),
    times: { ...DEFAULT_TIMES, probeIntervalMs: 200, probeTimeoutMs: 2_000, failureRetry: 3 },
    clusterOptions: readClusterOptions(['enxame.substrate=off'], false),
    stateFolder,
    replication: shared && { store: shared.store, name: shared.name, advertise, ttlMs: 2_000 },
    ...(page && { page: { address: parseListenAddress('tcp://127.0.0.1:0'), actions: true } }),
    logger: silentLogger(),
    clock: systemClock,
  });
  return { manager, advertise, keys: shared?.keys, close: () => manager.close() };
}

/** One call to a manager. */
export async function callJson(
  { advertise }: Pick<TestManager, 'advertise'>,
  method: string,
  path: string,
  body?: unknown,
): Promise<ManagerAnswer> {
  const response = await fetch(`http://${advertise}${path}`, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    text,
    json: text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : undefined,
  };
}
