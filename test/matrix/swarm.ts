import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/common/clock.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { createLogger, silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import type { Generation, Lab, LabCertificates } from '../../src/lab/lab.ts';
import { startLab } from '../../src/lab/lab.ts';
import { readClusterOptions } from '../../src/manager/cluster-options.ts';
import { type Manager, startManager } from '../../src/manager/manager.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';

/** The nodes of every swarm here, in the order of the engines they are given. */
export const NODES = ['one', 'two', 'three'] as const;

/** Which engines the three nodes run. */
export type Engines = readonly [Generation, Generation, Generation];

/** Every generation once. */
export const MIXED: Engines = ['20.10', '26.1', '28.5'];

/** Three real engines behind a manager, with TLS from the client to the manager and from there to the engines. */
export interface Swarm {
  readonly lab: Lab;
  readonly manager: Manager;
  /** `host:port` for clients, by a name that the manager's certificate has. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Starts engines and manager; returns when all nodes are healthy and hold busybox. */
export async function startSwarm(engines: Engines): Promise<Swarm> {
  const lab = await startLab({
    nodes: NODES.map((name, index) => ({
      name,
      generation: engines[index] ?? '28.5',
      labels: { storage: index === 0 ? 'disk' : 'ssd' },
    })),
  });
  try {
    // Not everywhere: the swarm brings it to the other nodes.
    await lab.node('one').load(['busybox']);
    const manager = await manageLab(lab);
    await waitFor('all nodes to be healthy', () => manager.cluster.healthyNodes().length === NODES.length);
    const [address] = manager.addresses;
    const endpoint = `localhost:${address?.kind === 'tcp' ? address.port : 0}`;
    return { lab, manager, endpoint, close: () => manager.close().finally(() => lab.close()) };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

async function manageLab(lab: Lab): Promise<Manager> {
  const logger = process.env.ENXAME_TEST_LOG ? createLogger({ level: 'debug' }) : silentLogger();
  const { client, server } = await readCertificates(lab.certificates);
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  return startManager({
    backend: await openDiscovery(lab.nodes.map((node) => node.endpoint).join(','), settings),
    listeners: [parseListenAddress('tcp://127.0.0.1:0')],
    serverTls: { ...server, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' },
    engineTls: { ...client, verify: true },
    scheduler: schedulerOptions(),
    times: DEFAULT_TIMES,
    clusterOptions: readClusterOptions([], false),
    stateFolder: undefined,
    logger,
    clock: systemClock,
  });
}

interface Pem {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

async function readCertificates(files: LabCertificates | undefined): Promise<{ client: Pem; server: Pem }> {
  if (!files) throw new Error('the lab has no certificates');
  const [ca, cert, key, serverCert, serverKey] = await Promise.all([
    readFile(files.ca),
    readFile(files.cert),
    readFile(files.key),
    readFile(files.server.cert),
    readFile(files.server.key),
  ]);
  return { client: { ca, cert, key }, server: { ca, cert: serverCert, key: serverKey } };
}
