import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { systemPath } from '../common/command.ts';
import { HostError } from './errors.ts';
import { inNetwork } from './network.ts';
import {
  childrenOf,
  commandName,
  identify,
  identifyChild,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitFor,
} from './processes.ts';

/**
 * A node's host is one idle process, the first of its own PID, mount and UTS namespaces inside the node's network namespace.
 * Whatever the node runs is a descendant of it, so the kernel ends all of it when this one process is killed, and every mount
 * of the node (overlay2, container roots, network namespaces) vanishes with the mount namespace: nothing to unmount here.
 */
export interface Host {
  /** The process as this machine sees it; PID 1 of the node. */
  readonly init: ProcessIdentity;
}

/** What a host needs to start. */
export interface HostOptions {
  readonly run: string;
  readonly node: string;
  /** What `hostname` says in it; default the node's name. */
  readonly hostname?: string | undefined;
  /** The node's folder. */
  readonly directory: string;
  /** Size of a tmpfs for the data-root; undefined keeps it on disk. */
  readonly dataRootBytes: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Arguments: node name, node folder, size of the data-root's tmpfs or nothing.
 * - /run is private: dockerd and containerd keep sockets at fixed paths in it (/run/containerd/s, /run/docker).
 * - /etc is a writable copy that ends with the host, and /etc/docker a private folder that does not: key.json in it is the
 *   engine's ID up to Docker 20.10, and a daemon.json of this machine must not reach the node.
 * - /sys is mounted anew to show the node's own interfaces; the cgroup hierarchies are carried over into it.
 * - `sleep & wait` rather than `exec sleep`: PID 1 has to reap orphans.
 */
const initScript = `set -e
echo "$1" >/proc/sys/kernel/hostname
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock /run/cgroup /run/etc/upper /run/etc/work
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/etc/upper,workdir=/run/etc/work /etc
echo "$1" >/etc/hostname
mkdir -p /etc/docker
mount --bind "$2/etc-docker" /etc/docker
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
umount -R -l /run/cgroup
[ -z "$3" ] || mount -t tmpfs -o "size=$3" tmpfs "$2/data"
touch "$2/up"
while :; do sleep 86400 & wait $!; done
`;

/** Starts the host of a node. Resolves when its namespaces are ready. */
export async function startHost(options: HostOptions): Promise<Host> {
  const { directory, node } = options;
  const marker = join(directory, 'up');
  await rm(marker, { force: true });
  for (const part of ['etc-docker', 'data']) await mkdir(join(directory, part), { recursive: true });
  const unshare = ['unshare', '--mount', '--uts', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const args = [options.hostname ?? node, directory, options.dataRootBytes?.toString() ?? ''];
  const command = [...inNetwork(options.run, node), ...unshare, 'sh', '-c', initScript, 'enxame-lab-host', ...args];
  const outer = spawnDetached('nsenter', command, join(directory, 'host.log'));
  const init = await waitFor(`host ${node}`, () => initOf(outer, marker), {
    everyMs: 5,
    signal: options.signal,
    passes: () => isAlive(outer),
  });
  return { init };
}

/** Ends the host and with it every process of the node. Resolves when the kernel has finished. */
export async function killHost(host: Host): Promise<void> {
  signalProcess(host.init, 'SIGKILL');
  await waitFor('end of a host', () => !isAlive(host.init), { everyMs: 5 });
}

/**
 * Starts a daemon inside the host; resolves with its process as this machine sees it. Output goes to `logPath`.
 * `setsid --fork` leaves it to the host's PID 1 at once: a parent outside the PID namespace that does not reap would keep the
 * kernel from ending the namespace.
 */
export async function spawnInHost(
  host: Host,
  command: readonly string[],
  options: {
    readonly logPath: string;
    readonly path: string;
    readonly env?: Readonly<Record<string, string>> | undefined;
  },
): Promise<ProcessIdentity> {
  const into = ['--target', String(host.init.pid), '--net', '--mount', '--uts', '--pid'];
  const program = basename(command[0] ?? '');
  const child = spawnDetached('nsenter', [...into, 'setsid', '--fork', ...command], options.logPath, {
    PATH: options.path,
    ...options.env,
  });
  await waitFor(`start of ${program}`, () => !isAlive(child), { everyMs: 2 });
  // A short wait: between fork and exec the process still bears setsid's name.
  return await waitFor(`${program} (ended at once? see ${options.logPath})`, () => childNamed(host, program), {
    everyMs: 2,
    timeoutMs: 30_000,
  });
}

function childNamed(host: Host, name: string): ProcessIdentity | undefined {
  const pid = childrenOf(host.init.pid).find((child) => commandName(child) === name);
  return pid === undefined ? undefined : identify(pid);
}

function initOf(outer: ProcessIdentity, marker: string): ProcessIdentity | undefined {
  if (!isAlive(outer)) throw new HostError(`${marker}: the host ended while starting, see host.log beside it`);
  const child = childrenOf(outer.pid)[0];
  return child !== undefined && exists(marker) ? identify(child) : undefined;
}

function exists(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Starts a program in its own session, so that a terminal's Ctrl-C does not reach the engines. */
function spawnDetached(
  command: string,
  args: readonly string[],
  logPath: string,
  settings: Readonly<Record<string, string>> = {},
): ProcessIdentity {
  const log = openSync(logPath, 'a');
  try {
    const env = { PATH: systemPath, HOME: '/root', LC_ALL: 'C', ...settings };
    const child = spawn(command, args, { detached: true, stdio: ['ignore', log, log], env });
    child.on('error', () => {}); // Shows as a missing pid.
    child.unref();
    const identity = child.pid === undefined ? undefined : identifyChild(child.pid);
    if (identity === undefined)
      throw new HostError(`${command} does not start, see ${logPath} (is util-linux installed?)`);
    return identity;
  } finally {
    closeSync(log);
  }
}
