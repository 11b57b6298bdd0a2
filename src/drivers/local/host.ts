import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { privateFolder, writePrivate } from '../../common/private-file.ts';
import type { DaemonOptions } from '../../namespaces/daemon.ts';
import { startDaemon, stopDaemon } from '../../namespaces/daemon.ts';
import type { Generation } from '../../namespaces/generations.ts';
import { type Host, killHost, startHost } from '../../namespaces/host.ts';
import { isAlive, type ProcessIdentity } from '../../namespaces/processes.ts';
import type { EngineSpec } from '../../provision/provisioner.ts';
import { DriverError } from '../errors.ts';
import { startEtcd, stopEtcd } from './etcd.ts';
import { fenceOf, startFence } from './fence.ts';
import { claimPort, findPort, type LocalNetwork, nodeFolder } from './network.ts';

/** One local machine: its place, its processes and the engine in it, all of which outlive the process that made them. */
export interface LocalMachine {
  readonly network: LocalNetwork;
  /** Unique in the network. */
  readonly node: string;
  readonly hostname: string;
  readonly generation: Generation;
}

/** What lies in `processes.json`. */
export interface Processes {
  readonly init: ProcessIdentity;
  readonly daemon?: ProcessIdentity;
  /** The shell that keeps the agent running which ends strict containers. */
  readonly agent?: ProcessIdentity;
  /** The shell that keeps the server of the managers' store running. */
  readonly etcd?: ProcessIdentity;
}

/** Whether the machine was made here and not removed. */
export function exists(machine: LocalMachine): boolean {
  return existsSync(folderOf(machine));
}

/** Its processes, as far as they run; undefined when its host does not. */
export async function processesOf(machine: LocalMachine): Promise<Processes | undefined> {
  const text = await readFile(join(folderOf(machine), 'processes.json'), 'utf8').catch(() => '');
  const known = text === '' ? undefined : (JSON.parse(text) as Processes);
  if (known === undefined || !isAlive(known.init)) return undefined;
  const alive = (each: ProcessIdentity | undefined): ProcessIdentity | undefined =>
    each !== undefined && isAlive(each) ? each : undefined;
  const [daemon, agent, etcd] = [alive(known.daemon), alive(known.agent), alive(known.etcd)];
  return { init: known.init, ...(daemon && { daemon }), ...(agent && { agent }), ...(etcd && { etcd }) };
}

/** Brings the host up, and the engine if there is one to run. What runs already is left alone. */
export async function startMachine(machine: LocalMachine, signal: AbortSignal): Promise<void> {
  const running = await processesOf(machine);
  if (running?.daemon !== undefined) return;
  const host = running ?? (await bringUp(machine, signal));
  await runEtcd(machine, host);
  if ((await engineOf(machine)) === undefined) return;
  await runEngine(machine, host, signal);
  await runFenceAgent(machine, host);
}

async function bringUp(machine: LocalMachine, signal: AbortSignal): Promise<Host> {
  const { network, node, hostname } = machine;
  const port = await claimPort(network, node);
  const directory = await privateFolder(folderOf(machine));
  const host = await startHost({ run: port.run, node, hostname, directory, dataRootBytes: undefined, signal });
  await keepProcesses(machine, { init: host.init });
  return host;
}

/** Ends the engine gracefully, its containers with it, and then the host. */
export async function stopMachine(machine: LocalMachine): Promise<void> {
  const running = await processesOf(machine);
  if (running === undefined) return;
  if (running.daemon !== undefined) await stopDaemon(running.daemon);
  if (running.etcd !== undefined) await stopEtcd(running.etcd);
  await killHost(running);
}

/** Pulls the plug. */
export async function killMachine(machine: LocalMachine): Promise<void> {
  const running = await processesOf(machine);
  if (running !== undefined) await killHost(running);
}

/** Starts dockerd as the machine's engine file says, with `config` in its configuration file. Resolves when it answers. */
export async function runEngine(
  machine: LocalMachine,
  host: Host,
  signal: AbortSignal,
  config: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const spec = await engineOf(machine);
  if (spec === undefined) throw new DriverError(`${machine.hostname} has no engine yet`, 'NO_ENGINE');
  const daemon = await startDaemon(host, { ...(await daemonOptions(machine, spec)), config }, signal);
  await keepProcesses(machine, { ...(await processesOf(machine)), init: host.init, daemon });
}

/** Starts the agent that ends strict containers, if the machine has one that does not run. */
export async function runFenceAgent(machine: LocalMachine, host: Host): Promise<void> {
  const fence = await fenceOf(folderOf(machine));
  const running = await processesOf(machine);
  if (fence === undefined || running?.agent !== undefined) return;
  const agent = await startFence(folderOf(machine), host, fence);
  await keepProcesses(machine, { ...running, init: host.init, agent });
}

/** Starts the server of the managers' store, if the machine has one that does not run. */
export async function runEtcd(machine: LocalMachine, host: Host): Promise<void> {
  const running = await processesOf(machine);
  if (running?.etcd !== undefined) return;
  const etcd = await startEtcd(folderOf(machine), host);
  if (etcd !== undefined) await keepProcesses(machine, { ...running, init: host.init, etcd });
}

/** What the engine of the machine is to be like; undefined until it was put there. */
export async function engineOf(machine: LocalMachine): Promise<EngineSpec | undefined> {
  const text = await readFile(engineFile(machine), 'utf8').catch(() => '');
  return text === '' ? undefined : (JSON.parse(text) as EngineSpec);
}

/** Keeps what the engine is to be like for the next start. */
export async function keepEngine(machine: LocalMachine, spec: EngineSpec): Promise<void> {
  await writePrivate(engineFile(machine), `${JSON.stringify(spec, null, 2)}\n`);
}

/** The folder that is /etc/docker in the machine. */
export function etcFolder(machine: LocalMachine): string {
  return join(folderOf(machine), 'etc-docker');
}

/** The engine's socket as this host sees it. */
export function socketPath(machine: LocalMachine): string {
  return join(folderOf(machine), 'docker.sock');
}

/** The machine's folder. */
export function folderOf(machine: LocalMachine): string {
  return nodeFolder(machine.network, machine.node);
}

async function daemonOptions(machine: LocalMachine, spec: EngineSpec): Promise<DaemonOptions> {
  const port = await findPort(machine.network, machine.node);
  if (port === undefined) throw new DriverError(`${machine.hostname} has no address`, 'NO_ADDRESS');
  const pem = (name: string): string => join(etcFolder(machine), `${name}.pem`);
  return {
    run: machine.network.name,
    node: { name: machine.node, generation: machine.generation, labels: spec.labels, engineArgs: engineArgs(spec) },
    directory: folderOf(machine),
    endpoint: `${port.address}:${spec.port}`,
    socketPath: socketPath(machine),
    logPath: join(folderOf(machine), 'engine.log'),
    subnet: port.subnet,
    credentials: { ca: pem('ca'), cert: pem('server'), key: pem('server-key') },
    env: Object.fromEntries(spec.env.map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)])),
  };
}

function engineArgs(spec: EngineSpec): string[] {
  return [
    ...spec.options.map((option) => `--${option}`),
    ...spec.insecureRegistries.map((registry) => `--insecure-registry=${registry}`),
    ...spec.registryMirrors.map((mirror) => `--registry-mirror=${mirror}`),
    ...(spec.storageDriver === undefined ? [] : [`--storage-driver=${spec.storageDriver}`]),
  ];
}

function engineFile(machine: LocalMachine): string {
  return join(folderOf(machine), 'engine.json');
}

async function keepProcesses(machine: LocalMachine, processes: Processes): Promise<void> {
  await writePrivate(join(folderOf(machine), 'processes.json'), `${JSON.stringify(processes)}\n`);
}
