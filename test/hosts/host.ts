import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { CommandResult } from '../../src/common/command.ts';
import { must, run, systemPath } from '../../src/common/command.ts';
import { type BridgeNetwork, createPort, inNetwork } from '../../src/namespaces/network.ts';
import { cgroupParent, namespaceName } from '../../src/namespaces/paths.ts';
import { childrenOf, commandName, identify, type ProcessIdentity, waitFor } from '../../src/namespaces/processes.ts';
import { PLAIN_HOST, PLAIN_INIT, SYSTEMD_HOST, WRITABLE_GROUPS } from './scripts.ts';
import type { HostTree } from './tree.ts';

/** What a host of the tests is to be. */
export interface TestHostOptions {
  readonly name: string;
  /** Default systemd. */
  readonly init?: 'systemd' | 'none';
  /** Shell run in the host before anything else does, for what it should find. */
  readonly prepare?: string;
}

/** A Debian host of its own (network, processes, files), with a real sshd and no engine. Ends with its world. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
  /** Runs a command in it, as root, past sshd. */
  exec(...command: readonly string[]): Promise<CommandResult>;
  /** As {@link TestHost.exec} with a shell; throws when it fails. Answers what it printed. */
  shell(script: string): Promise<string>;
}

/** What hosts of one world share. */
export interface HostSurroundings {
  readonly run: string;
  readonly directory: string;
  readonly network: BridgeNetwork;
  readonly tree: HostTree;
  /** For authorized_keys. */
  readonly publicKey: string;
  /** For sources.list. */
  readonly packages: string;
}

/** Starts a host. Resolves when its sshd listens. */
export async function startTestHost(
  options: TestHostOptions,
  index: number,
  around: HostSurroundings,
): Promise<TestHost> {
  const { name, init = 'systemd' } = options;
  const port = await createPort(around.run, name, index, around.network);
  const directory = join(around.directory, name);
  await mkdir(join(directory, 'upper'), { recursive: true });
  await writeSystemFiles(join(directory, 'upper'), name, around);
  await writeFile(join(directory, 'init'), PLAIN_INIT);
  if (options.prepare !== undefined) await prepare(options.prepare, directory, around.tree.root);
  const first = await start(init, directory, name, around);
  const into = ['--target', String(first.pid), '--mount', '--uts', '--ipc', '--net', '--pid'];
  const exec = (...command: readonly string[]): Promise<CommandResult> => run('nsenter', [...into, ...command]);
  if (init === 'systemd') await must('nsenter', [...into, 'sh', '-ec', WRITABLE_GROUPS]);
  await waitFor(`sshd of ${name} (see ${directory}/console)`, () => listens(port.address, 22));
  const shell = (script: string): Promise<string> => must('nsenter', [...into, 'sh', '-ec', script]);
  return { name, address: port.address, exec, shell };
}

async function writeSystemFiles(upper: string, name: string, around: HostSurroundings): Promise<void> {
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(upper, path, '..'), { recursive: true });
    await writeFile(join(upper, path), text);
  };
  await put('etc/hostname', `${name}\n`);
  await put('etc/hosts', `127.0.0.1 localhost\n127.0.1.1 ${name}\n`);
  await put('etc/apt/sources.list', `${around.packages}\n`);
  await put('etc/ssh/sshd_config.d/test.conf', 'AuthorizedKeysFile /etc/ssh/keys/%u\nPasswordAuthentication no\n');
  for (const user of ['root', 'bee', 'drone', 'wasp']) await put(`etc/ssh/keys/${user}`, around.publicKey);
  const key = join(upper, 'etc/ssh/ssh_host_ed25519_key');
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
  await chmod(key, 0o600);
}

/** In the host's files before it runs: on an overlay that is taken down again. */
async function prepare(script: string, directory: string, tree: string): Promise<void> {
  const whole = `mkdir -p "$0/work" "$0/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$0/upper,workdir=$0/work" "$0/root"
exec chroot "$0/root" sh -ec "$2"`;
  await must('unshare', ['--mount', 'sh', '-ec', whole, directory, tree, script]);
  await rm(join(directory, 'work'), { recursive: true, force: true });
}

/** Answers the host's first process, as this machine sees it. */
async function start(
  init: 'systemd' | 'none',
  directory: string,
  name: string,
  around: HostSurroundings,
): Promise<ProcessIdentity> {
  const { run: runName, tree } = around;
  const group = cgroupParent(runName, name).slice(1);
  const args = [name, directory, tree.root, namespaceName(runName, name), group];
  const script = init === 'systemd' ? SYSTEMD_HOST : PLAIN_HOST;
  const command = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'enxame-test-host'];
  const all = [...inNetwork(runName, name), ...command, ...args, tree.nspawn.program, tree.nspawn.libraries];
  const outer = spawnDetached('nsenter', all, join(directory, 'console'));
  const expected = init === 'systemd' ? 'systemd' : 'test-init';
  return await waitFor(`${expected} of ${name} (see ${directory}/console)`, async () => {
    if (identify(outer) === undefined)
      throw new Error(`${name} ended while starting: ${await readFile(join(directory, 'console'), 'utf8')}`);
    const child = childrenOf(outer).find((pid) => commandName(pid) === expected);
    return child === undefined ? undefined : identify(child);
  });
}

function spawnDetached(program: string, args: readonly string[], logPath: string): number {
  const log = openSync(logPath, 'a');
  try {
    const env = { PATH: systemPath, LC_ALL: 'C' };
    const child = spawn(program, args, { detached: true, stdio: ['ignore', log, log], env });
    child.on('error', () => undefined); // Shows as a missing pid.
    child.unref();
    if (child.pid === undefined) throw new Error(`${program} does not start`);
    return child.pid;
  } finally {
    closeSync(log);
  }
}

function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 500 });
    const finish = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => finish(true));
    socket.once('timeout', () => finish(false));
    socket.on('error', () => finish(false));
  });
}
