import type { CommandOptions, CommandResult } from '../common/command.ts';
import { run } from '../common/command.ts';
import { type DaemonOptions, daemonProcesses, startDaemon, stopDaemon } from '../namespaces/daemon.ts';
import type { Generation } from '../namespaces/generations.ts';
import { defaultGeneration } from '../namespaces/generations.ts';
import { type Host, killHost, startHost } from '../namespaces/host.ts';
import { inNetwork, type Port, setLink } from '../namespaces/network.ts';
import { isAlive, type ProcessIdentity, signalProcess, waitFor } from '../namespaces/processes.ts';
import { clientPath } from './clients.ts';
import { LabError } from './errors.ts';
import { ensureImage, type TestImage } from './images.ts';
import { degradeLink, restoreLink } from './link-quality.ts';
import type { DockerOptions, LabNode, LinkQuality, NodeOptions } from './types.ts';

/** How the dockerd of a node of the lab is started. */
export interface NodeDaemonOptions extends DaemonOptions {
  readonly node: NodeOptions;
}

/** A node that {@link EngineNode.start} brings up; its port exists already. */
export class EngineNode implements LabNode {
  readonly name: string;
  readonly address: string;
  readonly endpoint: string;
  readonly socketPath: string;
  readonly logPath: string;
  readonly generation: Generation;
  readonly #port: Port;
  readonly #daemonOptions: NodeDaemonOptions;
  #host: Host | undefined;
  #daemon: ProcessIdentity | undefined;

  constructor(port: Port, daemonOptions: NodeDaemonOptions) {
    this.#port = port;
    this.#daemonOptions = daemonOptions;
    this.name = port.node;
    this.address = port.address;
    this.endpoint = daemonOptions.endpoint;
    this.socketPath = daemonOptions.socketPath;
    this.logPath = daemonOptions.logPath;
    this.generation = daemonOptions.node.generation ?? defaultGeneration;
  }

  get enginePid(): number | undefined {
    return this.#daemon !== undefined && isAlive(this.#daemon) ? this.#daemon.pid : undefined;
  }

  /** `signal` abandons the wait; what was started so far stays until the lab closes. */
  async start(signal?: AbortSignal): Promise<void> {
    if (this.enginePid !== undefined) return;
    if (this.#host === undefined || !isAlive(this.#host.init)) await this.#startHost(signal);
    if (this.#host === undefined) throw new LabError(`node ${this.name}: no host`);
    this.#daemon = await startDaemon(this.#host, this.#daemonOptions, signal);
  }

  async stop(): Promise<void> {
    this.resume();
    if (this.#daemon !== undefined) await stopDaemon(this.#daemon);
  }

  async crash(): Promise<void> {
    await setLink(this.#port, 'down');
    if (this.#host !== undefined) await killHost(this.#host);
  }

  async killEngine(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon === undefined) return;
    signalProcess(daemon, 'SIGKILL');
    await waitFor('end of dockerd', () => !isAlive(daemon));
  }

  hang(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  async partition(): Promise<void> {
    await setLink(this.#port, 'down');
  }

  async heal(): Promise<void> {
    await setLink(this.#port, 'up');
  }

  async slow(quality: LinkQuality): Promise<void> {
    await degradeLink(this.#port, quality);
  }

  async unslow(): Promise<void> {
    await restoreLink(this.#port);
  }

  async load(images: readonly TestImage[]): Promise<void> {
    for (const image of images) {
      const result = await this.docker(['load', '--quiet', '--input', await ensureImage(image)]);
      if (result.exitCode !== 0) throw new LabError(`load ${image} on ${this.name}: ${result.stderr.trim()}`);
    }
  }

  async docker(args: readonly string[], options: DockerOptions = {}): Promise<CommandResult> {
    const client = await clientPath('docker', options.generation ?? this.generation);
    const env = { ...client.env, DOCKER_HOST: `unix://${this.socketPath}`, ...options.env };
    return await run(client.command, [...client.args, ...args], { ...options, env });
  }

  async exec(command: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
    return await run('nsenter', [...inNetwork(this.#port.run, this.name), ...command], options);
  }

  async #startHost(signal: AbortSignal | undefined): Promise<void> {
    const { run: runName, directory, node } = this.#daemonOptions;
    await setLink(this.#port, 'up');
    this.#host = await startHost({
      run: runName,
      node: node.name,
      directory,
      dataRootBytes: node.dataRootBytes,
      signal,
    });
  }

  #signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#daemon === undefined) return;
    for (const process of daemonProcesses(this.#daemon)) signalProcess(process, signal);
  }
}
