import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineClient } from '../engine/client.ts';
import { unixConnector } from '../engine/connectors/socket.ts';
import { HostError } from './errors.ts';
import { defaultGeneration, type Generation, pathOf, programPath, programsOf } from './generations.ts';
import { type Host, spawnInHost } from './host.ts';
import { cgroupParent } from './paths.ts';
import {
  childrenOf,
  commandName,
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitFor,
} from './processes.ts';

/** An engine on a host of namespaces. */
export interface EngineOptions {
  /** Host name, node name and the name in every message; lower-case letters, digits and dashes. */
  readonly name: string;
  /** Default `20.10`. */
  readonly generation?: Generation;
  /** Engine labels, shown by `docker info`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: what dockerd picks (overlay2 on ext4). */
  readonly storageDriver?: string;
  /** More dockerd flags, for example `--live-restore`. */
  readonly engineArgs?: readonly string[];
}

/** PEM file paths of one end of a TLS connection. */
export interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How dockerd is started. */
export interface DaemonOptions {
  readonly run: string;
  readonly node: EngineOptions;
  readonly directory: string;
  readonly endpoint: string;
  readonly socketPath: string;
  readonly logPath: string;
  /** Addresses engines may pull from without TLS (a registry of the test on this machine). */
  readonly subnet: string;
  /** The server's certificate; undefined for a plain TCP port. */
  readonly credentials: Credentials | undefined;
  /** Content of the engine's configuration file; default empty. */
  readonly config?: Readonly<Record<string, unknown>> | undefined;
  /** More environment for dockerd, a proxy above all. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** The node's configuration file for dockerd: read at start and again at SIGHUP. */
export function configFile(options: Pick<DaemonOptions, 'directory'>): string {
  return join(options.directory, 'daemon.json');
}

/** Starts dockerd in the host and waits until it answers. */
export async function startDaemon(host: Host, options: DaemonOptions, signal?: AbortSignal): Promise<ProcessIdentity> {
  const programs = programsOf(options.node.generation ?? defaultGeneration);
  const command = [programPath(programs, 'usr/sbin/dockerd'), ...(await daemonArgs(options))];
  const daemon = await spawnInHost(host, command, {
    logPath: options.logPath,
    path: pathOf(programs),
    env: options.env,
  });
  await waitFor(`engine ${options.node.name}`, () => isReady(daemon, options), {
    everyMs: 25,
    signal,
    passes: () => isAlive(daemon),
  });
  return daemon;
}

/** Asks dockerd to end and waits for it; it stops its containers and its containerd first. */
export async function stopDaemon(daemon: ProcessIdentity): Promise<void> {
  signalProcess(daemon, 'SIGTERM');
  await waitFor('end of dockerd', () => !isAlive(daemon));
}

/** dockerd and the containerd it started. */
export function daemonProcesses(daemon: ProcessIdentity): ProcessIdentity[] {
  const helpers = childrenOf(daemon.pid).filter((pid) => commandName(pid) === 'containerd');
  return [daemon, ...helpers.flatMap((pid) => identify(pid) ?? [])];
}

async function daemonArgs(options: DaemonOptions): Promise<string[]> {
  const { node, directory, credentials } = options;
  // An empty file of its own: the machine's /etc/docker/daemon.json, if any, is not for it.
  await writeFile(configFile(options), `${JSON.stringify(options.config ?? {})}\n`);
  const tls = credentials
    ? ['--tlsverify', `--tlscacert=${credentials.ca}`, `--tlscert=${credentials.cert}`, `--tlskey=${credentials.key}`]
    : ['--tls=false']; // Said out loud, or dockerd waits 15 s before it opens a plain TCP port.
  return [
    `--config-file=${configFile(options)}`,
    `--data-root=${join(directory, 'data')}`,
    `--host=unix://${options.socketPath}`,
    // The usual place, for containers that mount it.
    '--host=unix:///run/docker.sock',
    `--host=tcp://${options.endpoint}`,
    ...tls,
    '--exec-opt=native.cgroupdriver=cgroupfs',
    `--cgroup-parent=${cgroupParent(options.run, node.name)}`,
    `--insecure-registry=${options.subnet}`,
    ...Object.entries(node.labels ?? {}).map(([key, value]) => `--label=${key}=${value}`),
    ...(node.storageDriver === undefined ? [] : [`--storage-driver=${node.storageDriver}`]),
    ...(node.engineArgs ?? []),
  ];
}

async function isReady(daemon: ProcessIdentity, options: DaemonOptions): Promise<boolean> {
  if (isAlive(daemon)) return await answersPing(options.socketPath);
  const log = await readFile(options.logPath, 'utf8').catch(() => '');
  const last = log.trim().split('\n').slice(-3).join(' | ');
  throw new HostError(`engine ${options.node.name} ended while starting: ${last}`, 'HOST_ENGINE');
}

async function answersPing(socketPath: string): Promise<boolean> {
  const client = new EngineClient(unixConnector(socketPath));
  try {
    const ping = await client.request({ method: 'GET', path: '/_ping', isUnversioned: true, timeoutMs: 2_000 });
    return ping.statusCode === 200;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
