import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/common/command.ts';
import { childrenOf, waitFor } from '../../src/namespaces/processes.ts';
import type { SshEnvironment } from '../../src/ssh/files.ts';
import { freePort } from '../free-ports.ts';

/** A real sshd on a loopback port, and a home folder whose key it accepts. */
export interface TestSshd extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** Home of a user who may log in and knows the host. */
  readonly environment: SshEnvironment;
  /** `.ssh` of that home. */
  readonly folder: string;
  /** The line of known_hosts. */
  readonly knownHost: string;
  /** Ends every connection that is open, not the listener. */
  dropConnections(): Promise<void>;
  /** Suspends every connection: nothing is answered, nothing is closed. */
  freezeConnections(): Promise<void>;
  /** Ends the listener and every connection. */
  stop(): Promise<void>;
  /** Starts it again on the same port with the same host key. */
  start(): Promise<void>;
  /** Starts it unless it runs. */
  mend(): Promise<void>;
}

/** Starts sshd with more configuration lines, e.g. `SetEnv DOCKER_HOST=…`. */
export async function startSshd(lines: readonly string[] = []): Promise<TestSshd> {
  const root = await mkdtemp(join(tmpdir(), 'enxame-sshd-'));
  const folder = join(root, 'home', '.ssh');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
  await keygen('-t', 'ed25519', '-f', join(root, 'host_key'));
  await keygen('-t', 'ed25519', '-f', join(folder, 'id_ed25519'));
  await writeFile(join(root, 'authorized_keys'), await readFile(join(folder, 'id_ed25519.pub')), { mode: 0o600 });
  const port = await freePort();
  const [type, key] = (await readFile(join(root, 'host_key.pub'), 'utf8')).split(' ');
  const knownHost = `[127.0.0.1]:${port} ${type} ${key}\n`;
  await writeFile(join(folder, 'known_hosts'), knownHost);
  const configuration = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${join(root, 'host_key')}`,
    `AuthorizedKeysFile ${join(root, 'authorized_keys')}`,
    `PidFile ${join(root, 'pid')}`,
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin yes',
    'LogLevel VERBOSE',
    ...lines,
  ];
  await writeFile(join(root, 'sshd_config'), `${configuration.join('\n')}\n`);
  const server = new SshdProcess(root, port);
  await server.start();
  const stop = async (): Promise<void> => server.stop();
  return {
    port,
    user: userInfo().username,
    environment: { home: join(root, 'home') },
    folder,
    knownHost,
    dropConnections: () => server.signalConnections('SIGKILL'),
    freezeConnections: () => server.signalConnections('SIGSTOP'),
    start: () => server.start(),
    mend: async () => {
      if (!server.isRunning) await server.start();
    },
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
      await rm(root, { recursive: true, force: true });
    },
  };
}

class SshdProcess {
  readonly #root: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  constructor(root: string, port: number) {
    this.#root = root;
    this.#port = port;
  }

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    const args = ['-D', '-f', join(this.#root, 'sshd_config'), '-E', join(this.#root, 'log')];
    this.#child = spawn('/usr/sbin/sshd', args, { stdio: 'ignore' });
    await waitFor('sshd', async () => (await run('ssh-keyscan', ['-p', `${this.#port}`, '127.0.0.1'])).stdout !== '');
  }

  async signalConnections(signal: 'SIGKILL' | 'SIGSTOP'): Promise<void> {
    for (const pid of descendants(this.#child?.pid)) send(pid, signal);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child?.pid === undefined) return;
    const pids = descendants(child.pid);
    child.kill('SIGKILL');
    for (const pid of pids) send(pid, 'SIGKILL');
    await waitFor('end of sshd', () => child.exitCode !== null || child.signalCode !== null);
  }
}

/** All processes below one. */
function descendants(pid: number | undefined): number[] {
  return pid === undefined ? [] : childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended by itself.
  }
}

/** Makes a key pair without passphrase. */
export async function keygen(...args: string[]): Promise<void> {
  const { exitCode, stderr } = await run('ssh-keygen', ['-q', '-N', '', ...args]);
  if (exitCode !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}
