import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writePrivate } from '../../common/private-file.ts';
import { EngineClient } from '../../engine/client.ts';
import { unixConnector } from '../../engine/connectors/socket.ts';
import { configFile, stopDaemon } from '../../namespaces/daemon.ts';
import { isAlive, type ProcessIdentity, signalProcess, waitFor } from '../../namespaces/processes.ts';
import { ensureGenerations } from '../../namespaces/suites.ts';
import type { EngineSpec, Provisioner, ServerCertificates, Task } from '../../provision/provisioner.ts';
import { DriverError } from '../errors.ts';
import { forgetEtcd, keepEtcd, stopEtcd } from './etcd.ts';
import { fenceOf, keepFence, stopFence } from './fence.ts';
import {
  etcFolder,
  folderOf,
  keepEngine,
  type LocalMachine,
  type Processes,
  processesOf,
  runEngine,
  runEtcd,
  runFenceAgent,
  socketPath,
} from './host.ts';

/** Runs Debian's dockerd in the machine's namespaces. */
export function localProvisioner(machine: LocalMachine): Provisioner {
  return {
    certificatePaths: {
      folder: '/etc/docker',
      ca: '/etc/docker/ca.pem',
      cert: '/etc/docker/server.pem',
      key: '/etc/docker/server-key.pem',
    },
    provision: async (spec, certificates, task) => {
      await ensureGenerations([machine.generation], task.report);
      const host = await runningHost(machine);
      await writeCertificates(machine, certificates);
      await keepEngine(machine, spec);
      if (host.daemon !== undefined) await stopDaemon(host.daemon);
      task.report('starting the engine');
      await runEngine(machine, host, task.signal);
    },
    replaceCertificates: async (_spec, certificates, task) => {
      await writeCertificates(machine, certificates);
      const host = await runningHost(machine);
      if (host.daemon === undefined) await runEngine(machine, host, task.signal);
      else await restartEngine(machine, { ...host, daemon: host.daemon }, task);
    },
    restartsContainers: async ({ signal }) => {
      if ((await processesOf(machine))?.daemon === undefined) return false;
      const client = new EngineClient(unixConnector(socketPath(machine)));
      try {
        return isInSwarmMode(await client.json<EngineInfo>({ method: 'GET', path: '/info', signal }));
      } finally {
        await client.close();
      }
    },
    keepFenceAgent: async (agent, task) => {
      task.signal.throwIfAborted();
      const folder = folderOf(machine);
      const host = await runningHost(machine);
      const before = await fenceOf(folder);
      const isSame = agent?.edition === before?.edition && agent?.args.join(' ') === before?.args.join(' ');
      await keepFence(folder, agent);
      if (host.agent !== undefined && !isSame) await stopFence(host.agent);
      await runFenceAgent(machine, host);
    },
    keepEtcd: async (spec, task) => {
      const host = await runningHost(machine);
      const { etcd } = host;
      const isChanged = await keepEtcd(folderOf(machine), host, { spec, isRunning: etcd !== undefined }, task);
      if (etcd !== undefined && isChanged) await stopEtcd(etcd);
      await runEtcd(machine, host);
    },
    // It is this host's, whose own upgrades bring the next one.
    upgradeEtcd: async (task) => {
      task.report("its etcd is this host's: upgraded with it, used from the next start on");
    },
    endEtcd: async (name, keepsData) => {
      const etcd = (await processesOf(machine))?.etcd;
      if (etcd !== undefined) await stopEtcd(etcd);
      await forgetEtcd(folderOf(machine), name, keepsData);
    },
    upgrade: async (_spec: EngineSpec, task) => {
      await ensureGenerations([machine.generation], task.report);
      task.report(`its engine is Debian's ${machine.generation}, the newest of that generation here`);
    },
  };
}

async function runningHost(machine: LocalMachine): Promise<Processes> {
  const running = await processesOf(machine);
  if (running !== undefined) return running;
  throw new DriverError(
    `${machine.hostname} does not run: start it with "enxame machine start ${machine.hostname}"`,
    'NOT_RUNNING',
  );
}

async function writeCertificates(machine: LocalMachine, { ca, cert, key }: ServerCertificates): Promise<void> {
  const etc = etcFolder(machine);
  await Promise.all([
    writePrivate(join(etc, 'ca.pem'), ca),
    writePrivate(join(etc, 'server.pem'), cert),
    writePrivate(join(etc, 'server-key.pem'), key),
  ]);
}

/**
 * dockerd reads its certificates at start only. live-restore lets containers run on meanwhile; it is on for that long and no
 * longer, because an engine with it cannot take part in swarm mode, which cluster networks are made of. An engine that takes
 * part already has to restart its containers.
 */
async function restartEngine(
  machine: LocalMachine,
  host: { readonly init: ProcessIdentity; readonly daemon: ProcessIdentity },
  task: Task,
): Promise<void> {
  const client = new EngineClient(unixConnector(socketPath(machine)));
  try {
    const info = await client.json<EngineInfo>({ method: 'GET', path: '/info', signal: task.signal });
    const inSwarmMode = isInSwarmMode(info);
    if (inSwarmMode) task.report('restarting the engine; its containers too, because it carries cluster networks');
    else await setLiveRestore(client, machine, host.daemon, true, task);
    await stopDaemon(host.daemon);
    await runEngine(machine, host, task.signal, inSwarmMode ? {} : { 'live-restore': true });
    const restarted = await processesOf(machine);
    if (!inSwarmMode && restarted?.daemon !== undefined)
      await setLiveRestore(client, machine, restarted.daemon, info.LiveRestoreEnabled ?? false, task);
  } finally {
    await client.close();
  }
}

interface EngineInfo {
  readonly LiveRestoreEnabled?: boolean;
  readonly Swarm?: { readonly LocalNodeState?: string };
}

function isInSwarmMode(info: EngineInfo): boolean {
  return (info.Swarm?.LocalNodeState ?? 'inactive') !== 'inactive';
}

async function setLiveRestore(
  client: EngineClient,
  machine: LocalMachine,
  daemon: ProcessIdentity,
  isOn: boolean,
  task: Task,
): Promise<void> {
  const isSet = async (): Promise<boolean> => {
    if (!isAlive(daemon))
      throw new DriverError(`the engine of ${machine.hostname} ended: see its engine.log`, 'NO_ENGINE');
    return (await client.json<EngineInfo>({ method: 'GET', path: '/info' })).LiveRestoreEnabled === isOn;
  };
  if (await isSet()) return;
  await writeFile(configFile({ directory: folderOf(machine) }), `${JSON.stringify({ 'live-restore': isOn })}\n`);
  signalProcess(daemon, 'SIGHUP');
  await waitFor('the engine to read its settings again', isSet, {
    signal: task.signal,
    passes: () => isAlive(daemon),
  });
}
