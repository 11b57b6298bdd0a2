import { readFile } from 'node:fs/promises';
import { systemClock } from '../../src/common/clock.ts';
import { run } from '../../src/common/command.ts';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { createLogger, silentLogger } from '../../src/common/logger.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import { clientPath } from '../../src/lab/clients.ts';
import type { CommandOptions, CommandResult, Generation, Lab } from '../../src/lab/lab.ts';
import { readClusterOptions } from '../../src/manager/cluster-options.ts';
import { type Manager, type ManagerOptions, startManager } from '../../src/manager/manager.ts';
import { DEFAULT_TIMES } from '../../src/monitor/times.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';

/** Lines of an engine's log that tell enough. */
const LOG_LINES = 40;

/** A manager in this process over a lab's engines, and a docker CLI that talks to it. */
export interface LabManager {
  readonly manager: Manager;
  /** For DOCKER_HOST. */
  readonly endpoint: string;
  /** Runs the docker CLI of a generation (default 28.5) against the manager. */
  docker(
    args: readonly string[],
    options?: CommandOptions & { readonly generation?: Generation },
  ): Promise<CommandResult>;
  /** Like `docker`, but throws what the CLI said when it fails; returns its trimmed output. */
  must(args: readonly string[], options?: CommandOptions & { readonly generation?: Generation }): Promise<string>;
  /** Environment for a shell that calls `docker`. */
  env(generation?: Generation): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts a manager on a loopback port and waits until all nodes are healthy, or as many as `healthy` says. `clusterOpts` are `--cluster-opt` pairs; without a state folder it remembers nothing. */
export async function managerOver(
  lab: Lab,
  clusterOpts: readonly string[] = [],
  stateFolder?: string,
  healthy: number = lab.nodes.length,
  more: Partial<ManagerOptions> = {},
): Promise<LabManager> {
  const logger = process.env.ENXAME_TEST_LOG ? createLogger({ level: 'debug' }) : silentLogger();
  const files = lab.certificates;
  if (!files) throw new Error('the lab has no certificates');
  const [ca, cert, key] = await Promise.all([readFile(files.ca), readFile(files.cert), readFile(files.key)]);
  const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
  const manager = await startManager({
    backend: await openDiscovery(lab.nodes.map(({ endpoint }) => endpoint).join(','), settings),
    listeners: [parseListenAddress('tcp://127.0.0.1:0')],
    serverTls: undefined,
    engineTls: { ca, cert, key, verify: true },
    scheduler: schedulerOptions(),
    times: DEFAULT_TIMES,
    clusterOptions: readClusterOptions(clusterOpts, false),
    stateFolder,
    logger,
    clock: systemClock,
    ...more,
  });
  await waitFor('the nodes to be healthy', () => manager.cluster.healthyNodes().length === healthy, {
    why: () => nodesOf(manager, lab),
  });
  const [address] = manager.addresses;
  const endpoint = `tcp://127.0.0.1:${address?.kind === 'tcp' ? address.port : 0}`;
  const docker: LabManager['docker'] = async (args, { generation = '28.5', env, ...options } = {}) => {
    const client = await clientPath('docker', generation);
    return run(client.command, [...client.args, ...args], {
      ...options,
      env: { ...client.env, DOCKER_HOST: endpoint, ...env },
    });
  };
  return {
    manager,
    endpoint,
    docker,
    async must(args, options) {
      const { stdout, stderr, exitCode } = await docker(args, options);
      if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr.trim() || stdout.trim()}`);
      return stdout.trim();
    },
    async env(generation = '28.5') {
      const client = await clientPath('docker', generation);
      return { ...client.env, DOCKER: client.command, DOCKER_HOST: endpoint };
    },
    close: () => manager.close(),
  };
}

/** How the manager sees the nodes, and what the engines of those that are not healthy said last: for tests that wait for them in vain. */
export async function nodesOf({ cluster }: Manager, lab: Lab): Promise<string> {
  const told = cluster.nodes.map(async ({ name, state, reason, isHealthy }) => {
    if (isHealthy) return `\n${name}: ${state}`;
    const engine = lab.nodes.find((node) => node.name === name);
    const log = await readFile(engine?.logPath ?? '', 'utf8').catch(() => '');
    const [pid, last] = [engine?.enginePid ?? 'none', log.trim().split('\n').slice(-LOG_LINES).join('\n')];
    return `\n${name}: ${state}, ${reason}; process of its engine: ${pid}; its log:\n${last}`;
  });
  return (await Promise.all(told)).join('');
}
