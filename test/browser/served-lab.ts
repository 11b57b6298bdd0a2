import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import { type EnxameProcess, enxame } from '../engines/enxame-process.ts';

/** Pictures of the last run: artifacts, and those of docs/page.md. */
export const PICTURES: string = new URL('../../.cache/browser/', import.meta.url).pathname;

const [NEAR, FAR] = ['5.83 EUR/month', '0.0119 EUR/h'];
const NODES = [
  { name: 'abelha-rainha', labels: { provider: 'hetzner', region: 'fsn1', 'io.enxame.price': NEAR } },
  { name: 'operaria-1', labels: { provider: 'hetzner', region: 'fsn1', 'io.enxame.price': NEAR } },
  { name: 'operaria-2', labels: { provider: 'aws', region: 'eu-central-1', 'io.enxame.price': FAR } },
  { name: 'operaria-3', labels: { provider: 'aws', region: 'eu-central-1', 'io.enxame.price': FAR } },
];

/** Real engines, and the built `enxame manage --page` over them as a process of its own. */
export class ServedLab {
  readonly lab: Lab;
  readonly #folder: string;
  #manager: EnxameProcess | undefined;
  /** `http://127.0.0.1:PORT`, the same after a restart. */
  origin = '';

  private constructor(lab: Lab, folder: string) {
    this.lab = lab;
    this.#folder = folder;
  }

  static async start(): Promise<ServedLab> {
    await mkdir(PICTURES, { recursive: true });
    const lab = await startLab({ nodes: NODES.map((node) => ({ ...node, generation: '28.5' as const })) });
    await Promise.all(lab.nodes.map((node) => node.load(['redis'])));
    const served = new ServedLab(lab, await mkdtemp(join(tmpdir(), 'enxame-browser-')));
    await served.startManager();
    return served;
  }

  get #socket(): string {
    return `unix://${join(this.#folder, 'docker.sock')}`;
  }

  /** Starts the manager, at the page's address of before where there was one. */
  async startManager(): Promise<void> {
    const { certificates } = this.lab;
    if (!certificates) throw new Error('the lab has no certificates');
    const { ca, cert, key } = certificates.server;
    const page = this.origin ? this.origin.replace('http', 'tcp') : 'tcp://127.0.0.1:0';
    const manager = enxame([
      'manage',
      ...['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key],
      ...['-H', this.#socket, '--state-dir', join(this.#folder, 'state')],
      ...[`--page=${page}`, '--page-actions', '--cluster-opt', 'enxame.substrate=off'],
      this.lab.nodes.map(({ endpoint }) => endpoint).join(','),
    ]);
    this.#manager = manager;
    const [, origin = ''] = await manager.until(/Page at (http:[^\s:]+:\d+)/);
    this.origin = origin;
    const count = (): number => (manager.said().match(/"node is healthy"/g) ?? []).length;
    await waitFor('all nodes to be healthy', () => count() >= this.lab.nodes.length);
  }

  async killManager(): Promise<void> {
    await this.#manager?.end('SIGKILL');
  }

  /** Starts it unless it runs. */
  async mendManager(): Promise<void> {
    const { exitCode = null, signalCode = null } = this.#manager?.child ?? {};
    if (exitCode !== null || signalCode !== null) await this.startManager();
  }

  /** A link that logs in once. */
  async link(...flags: readonly string[]): Promise<string> {
    const asking = enxame(['page', '-H', this.#socket, '--print', ...flags]);
    const [link] = await asking.until(/http:\S+/);
    await asking.ended();
    return link;
  }

  /** Runs an `enxame` command against the manager; throws what it said when it fails. */
  async enxame(command: string, ...args: readonly string[]): Promise<string> {
    const running = enxame([command, '-H', this.#socket, ...args]);
    const exitCode = await running.ended();
    if (exitCode !== 0) throw new Error(`enxame ${command} ${args.join(' ')}: ${running.said().trim()}`);
    return running.said();
  }

  /** Runs the docker CLI against the manager; throws what it said when it fails. */
  async docker(...args: readonly string[]): Promise<string> {
    const client = await clientPath('docker', '28.5');
    const { stdout, stderr, exitCode } = await run(client.command, [...client.args, ...args], {
      env: { ...client.env, DOCKER_HOST: this.#socket },
      timeoutMs: 120_000,
    });
    if (exitCode !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr.trim()}`);
    return stdout.trim();
  }

  async close(): Promise<void> {
    await this.killManager();
    await this.lab.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
