import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One server of a store. */
export interface StoreMember {
  readonly port: number;
  readonly process: ServerProcess;
}

/** Servers of one store on this machine. */
export interface StoreServers {
  readonly members: readonly StoreMember[];
  /** `127.0.0.1:PORT,…` */
  readonly hosts: string;
  /** Resolves when a member answers what needs a leader. */
  ready(member: StoreMember): Promise<void>;
  close(): Promise<void>;
}

/** A server of a test's own, which ends with the test at the latest. */
export class ServerProcess {
  readonly #command: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;
  #output = '';

  constructor(command: string, args: readonly string[]) {
    this.#command = command;
    this.#args = args;
  }

  /** The end of what it said. */
  get output(): string {
    return this.#output;
  }

  start(): void {
    // Not even a killed test leaves it behind.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', this.#command, ...this.#args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env.PATH, LANG: 'C' },
    });
    const take = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-8_000);
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    child.on('error', (error) => take(Buffer.from(String(error))));
    this.#child = child;
  }

  /** SIGSTOP and SIGCONT. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Runs afterwards, whatever was done to it. */
  mend(): void {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) this.start();
    else this.resume();
  }

  /** As `kill -9` does. Idempotent. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  /** Resolves when `isReady` does with true; rejects with what the server said when it ended or took too long. */
  async ready(isReady: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + 300_000;
    while (!(await isReady().catch(() => false))) {
      const hasEnded = this.#child === undefined || this.#child.exitCode !== null;
      if (hasEnded || performance.now() > deadline) throw new Error(`${this.#command} does not serve: ${this.#output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** A folder for a server's files, and how it is removed. */
export async function serverFolder(name: string): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `enxame-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
