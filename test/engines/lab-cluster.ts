import { readFile } from 'node:fs/promises';
import pLimit from 'p-limit';
import { Cluster } from '../../src/cluster/cluster.ts';
import { Node } from '../../src/cluster/node.ts';
import { systemClock } from '../../src/common/clock.ts';
import { createLogger, type Logger, silentLogger } from '../../src/common/logger.ts';
import { EngineClient } from '../../src/engine/client.ts';
import { tlsConnector } from '../../src/engine/connectors/socket.ts';
import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { Accounting } from '../../src/monitor/accounting.ts';
import { NodeMonitor } from '../../src/monitor/node-monitor.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { waitFor } from '../../src/namespaces/processes.ts';

/** The cluster's model over a lab's engines, with real monitors and no API server. */
export interface LabCluster {
  readonly cluster: Cluster;
  readonly logger: Logger;
  node(name: string): Node;
  /** Lets an engine of the lab in, as discovery would. */
  add(engine: LabNode): Promise<Node>;
  /** Lets it leave, as discovery would. */
  remove(name: string): Promise<void>;
  close(): Promise<void>;
}

/** Times that show a crash within about two seconds. */
const TIMES = {
  ...DEFAULT_TIMES,
  probeIntervalMs: 500,
  probeTimeoutMs: 1_000,
  failureRetry: 2,
  retryMinMs: 100,
  retryMaxMs: 1_000,
};

/** Builds the model over the lab's engines and waits until all are healthy. */
export async function clusterOver(lab: Lab): Promise<LabCluster> {
  const logger = process.env.ENXAME_TEST_LOG ? createLogger({ level: 'debug' }) : silentLogger();
  const shared = { clock: systemClock, logger, accounting: new Accounting(systemClock) };
  const cluster = new Cluster(shared);
  const monitors = new Map<Node, NodeMonitor>();
  const files = lab.certificates;
  if (!files) throw new Error('the lab has no certificates');
  const [ca, cert, key] = await Promise.all([files.ca, files.cert, files.key].map((path) => readFile(path)));
  const deps = { cluster, ...shared, connecting: pLimit(16) };
  const add = async (engine: LabNode): Promise<Node> => {
    const [host = '', port = ''] = engine.endpoint.split(':');
    const connector = tlsConnector(host, Number(port), {
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      verify: true,
    });
    const node = new Node(engine.endpoint, new EngineClient(connector), host);
    const monitor = new NodeMonitor(node, deps, TIMES);
    monitors.set(node, monitor);
    cluster.addNode(node);
    monitor.start();
    await waitFor(`${engine.name} to be healthy`, () => node.isHealthy);
    return node;
  };
  const find = (name: string): Node => {
    const found = cluster.node(name);
    if (!found) throw new Error(`no node ${name}`);
    return found;
  };
  await Promise.all(lab.nodes.map(add));
  return {
    cluster,
    logger,
    node: find,
    add,
    async remove(name) {
      const node = find(name);
      cluster.removeNode(node);
      await monitors.get(node)?.close();
      monitors.delete(node);
    },
    async close() {
      await Promise.all([...monitors.values()].map((monitor) => monitor.close()));
    },
  };
}
