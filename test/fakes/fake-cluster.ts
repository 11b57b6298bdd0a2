import pLimit from 'p-limit';
import { vi } from 'vitest';
import { FakeEngine, type FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { Cluster } from '../../src/cluster/cluster.ts';
import { Node } from '../../src/cluster/node.ts';
import { systemClock } from '../../src/common/clock.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { EngineClient } from '../../src/engine/client.ts';
import { tcpConnector } from '../../src/engine/connectors/socket.ts';
import { Accounting } from '../../src/monitor/accounting.ts';
import { NodeMonitor } from '../../src/monitor/node-monitor.ts';
import { DEFAULT_TIMES, type MonitorTimes } from '../../src/monitor/times.ts';

const QUICK: MonitorTimes = { ...DEFAULT_TIMES, probeIntervalMs: 200, probeTimeoutMs: 500, failureRetry: 2 };

/** A cluster of fake engines with the real model and monitors. Close it, or use `await using`. */
export class FakeCluster implements AsyncDisposable {
  readonly cluster: Cluster;
  readonly engines: readonly FakeEngine[];
  readonly nodes: readonly Node[];
  readonly #monitors: readonly NodeMonitor[];

  private constructor(engines: readonly FakeEngine[]) {
    this.engines = engines;
    this.nodes = engines.map((engine) => nodeOf(engine));
    const shared = { clock: systemClock, logger: silentLogger(), accounting: new Accounting(systemClock) };
    this.cluster = new Cluster(shared);
    const deps = { cluster: this.cluster, ...shared, connecting: pLimit(16) };
    this.#monitors = this.nodes.map((node) => new NodeMonitor(node, deps, QUICK));
  }

  /** Starts one engine per option set, named `node-1`, `node-2`, … by default; all are healthy when this resolves. */
  static async start(options: readonly FakeEngineOptions[]): Promise<FakeCluster> {
    const engines = await Promise.all(options.map((each, i) => FakeEngine.start({ name: `node-${i + 1}`, ...each })));
    const fake = new FakeCluster(engines);
    for (const node of fake.nodes) fake.cluster.addNode(node);
    for (const monitor of fake.#monitors) monitor.start();
    await vi.waitFor(() => {
      for (const node of fake.nodes) if (!node.isHealthy) throw new Error(`${node.entry}: ${node.reason}`);
    }, 120_000);
    return fake;
  }

  /** The i-th node and its engine, from 0. */
  at(index: number): { readonly node: Node; readonly engine: FakeEngine } {
    const node = this.nodes[index];
    const engine = this.engines[index];
    if (!node || !engine) throw new RangeError(`no node ${index}`);
    return { node, engine };
  }

  async close(): Promise<void> {
    await Promise.all(this.#monitors.map((monitor) => monitor.close()));
    await Promise.all(this.engines.map((engine) => engine.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function nodeOf(engine: FakeEngine): Node {
  const [host = '', port = ''] = engine.address.split(':');
  return new Node(engine.address, new EngineClient(tcpConnector(host, Number(port))), host);
}
