import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CommandResult, run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Lab, type LabNode, type LabOptions, startLab } from '../../src/lab/lab.ts';
import type { NodeOptions } from '../../src/lab/types.ts';
import { freePort } from '../free-ports.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Engines whose agents dial the manager: that one is on the lab's bridge, with a port that stays, and everybody has certificates of one authority. */
export class DialledLab {
  readonly lab: Lab;
  readonly folder: string;
  /** Where agents and clients reach the manager, `host:port`. */
  readonly address: string;
  readonly #agents = new Map<string, ChildProcess>();
  #manager: EnxameProcess | undefined;

  private constructor(lab: Lab, folder: string, address: string) {
    this.lab = lab;
    this.folder = folder;
    this.address = address;
  }

  static async start(
    nodes: readonly (string | NodeOptions)[],
    options: Omit<LabOptions, 'nodes'> = {},
  ): Promise<DialledLab> {
    const all = nodes.map((node) => (typeof node === 'string' ? { name: node } : node));
    const names = all.map(({ name }) => name);
    const lab = await startLab({ ...options, nodes: all });
    const folder = await mkdtemp(join(tmpdir(), 'enxame-dialled-'));
    const started = new DialledLab(lab, folder, `${lab.bridgeAddress}:${await freePort(lab.bridgeAddress)}`);
    await started.enxame(['certs', 'ca', '--dir', folder]);
    for (const name of names) await started.enxame(['certs', 'server', '--dir', folder, name, name]);
    await started.enxame(['certs', 'server', '--dir', folder, '--manager', 'manager', lab.bridgeAddress]);
    await started.enxame(['certs', 'client', '--dir', folder, 'alice']);
    return started;
  }

  /** Starts the manager, again after its end with the same state, and waits until it listens. */
  async manage(flags: readonly string[], entries: readonly string[]): Promise<void> {
    const listen = ['-H', `tcp://${this.address}`, '--tlsverify', ...this.files('manager')];
    const state = ['--state-dir', join(this.folder, 'state'), '--cluster', 'dialled'];
    this.#manager = enxame(['manage', ...flags, ...listen, ...state, entries.join(',')]);
    await this.#manager.until(/Manager at/);
  }

  get manager(): EnxameProcess {
    if (!this.#manager) throw new Error('no manager was started');
    return this.#manager;
  }

  /** Starts a node's agent in its host's namespaces, `enxame join` with these flags. */
  join(node: LabNode, flags: readonly string[], certificate: string = node.name): ChildProcess {
    const into = ['--target', String(node.enginePid), '--net', '--mount', '--uts', '--pid'];
    const dial = ['--dial-engine', `unix://${node.socketPath}`];
    const command = [process.execPath, MAIN, 'join', ...flags, ...dial, ...this.files(certificate)];
    const stdio = process.env.ENXAME_TEST_LOG ? 'inherit' : 'ignore';
    const agent = spawn('nsenter', [...into, '--', ...command], { stdio });
    this.#agents.set(node.name, agent);
    return agent;
  }

  /** The last one of each node. */
  get agents(): ReadonlyMap<string, ChildProcess> {
    return this.#agents;
  }

  files(name: string): string[] {
    const of = (file: string): string => join(this.folder, name, file);
    return ['--tlscacert', of('ca.pem'), '--tlscert', of('cert.pem'), '--tlskey', of('key.pem')];
  }

  /** A client's. */
  get env(): Record<string, string> {
    const host = { DOCKER_HOST: `tcp://${this.address}`, DOCKER_CERT_PATH: join(this.folder, 'alice') };
    return { ...host, DOCKER_TLS_VERIFY: '1' };
  }

  run(args: readonly string[]): Promise<CommandResult> {
    return run(process.execPath, [MAIN, ...args], { env: this.env, timeoutMs: 90_000 });
  }

  /** Rejects when the command fails. */
  async enxame(args: readonly string[]): Promise<string> {
    const done = await this.run(args);
    if (done.exitCode !== 0) throw new Error(`enxame ${args.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  async docker(args: readonly string[]): Promise<CommandResult> {
    const client = await clientPath('docker', '28.5');
    const env = { ...client.env, ...this.env };
    return run(client.command, [...client.args, ...args], { env, timeoutMs: 120_000 });
  }

  async close(): Promise<void> {
    await this.#manager?.end('SIGKILL');
    for (const agent of this.#agents.values()) agent.kill('SIGKILL');
    await this.lab.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
