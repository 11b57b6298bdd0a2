import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { defaultGeneration } from '../namespaces/generations.ts';
import { type BridgeNetwork, createNetwork, createPort, type Port } from '../namespaces/network.ts';
import { assertName, makeDirectory } from '../namespaces/paths.ts';
import { removeRun } from '../namespaces/removal.ts';
import { ensureGenerations } from '../namespaces/suites.ts';
import { createAuthority, type LabAuthority } from './certificates.ts';
import { LabError } from './errors.ts';
import { prepareIdentity, type SharedIdentity } from './identity.ts';
import { claimRun, sweepLeftovers } from './leftovers.ts';
import { EngineNode, type NodeDaemonOptions } from './node.ts';
import type { Lab, LabCertificates, LabNode, LabOptions, NodeOptions } from './types.ts';

export { clientPath } from './clients.ts';
export { ensureImage } from './images.ts';
export { runNames, sweepLeftovers } from './leftovers.ts';
export type * from './types.ts';

/** Starts the engines, each on a host of its own, and waits until all of them answer. Leaves nothing behind if one does not. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const name = options.name ?? randomBytes(4).toString('hex');
  assertName('run', name);
  assertPossible();
  assertDistinct(options.nodes);
  await sweepLeftovers();
  await ensureGenerations(
    options.nodes.map((node) => node.generation ?? defaultGeneration),
    options.onProgress,
  );
  const directory = await claimRun(name, options.keep ?? false);
  try {
    const lab = await EngineLab.create(name, directory, options);
    // All of them settle before anything is removed: a late one would bring back what is gone.
    const starts = await Promise.allSettled(options.nodes.map((node) => lab.launch(node, options.signal)));
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    return lab;
  } catch (error) {
    await removeRun(name);
    throw error;
  }
}

class EngineLab implements Lab {
  readonly name: string;
  readonly directory: string;
  readonly subnet: string;
  readonly bridgeAddress: string;
  readonly certificates: LabCertificates | undefined;
  readonly #network: BridgeNetwork;
  readonly #authority: LabAuthority | undefined;
  readonly #options: LabOptions;
  readonly #identity: SharedIdentity;
  readonly #names: string[] = [];
  readonly #nodes = new Map<string, LabNode>();
  readonly #stopping = new AbortController();
  readonly #launches = new Set<Promise<LabNode>>();
  #closing: Promise<void> | undefined;

  private constructor(
    place: { readonly name: string; readonly directory: string },
    network: BridgeNetwork,
    trust: { readonly authority: LabAuthority; readonly certificates: LabCertificates } | undefined,
    identity: SharedIdentity,
    options: LabOptions,
  ) {
    this.name = place.name;
    this.directory = place.directory;
    this.subnet = network.subnet;
    this.bridgeAddress = network.bridgeAddress;
    this.certificates = trust?.certificates;
    this.#network = network;
    this.#authority = trust?.authority;
    this.#identity = identity;
    this.#options = options;
  }

  static async create(name: string, directory: string, options: LabOptions): Promise<EngineLab> {
    const network = await createNetwork(name);
    const trust = (options.tls ?? true) ? await createTrust(directory, network.bridgeAddress) : undefined;
    return new EngineLab({ name, directory }, network, trust, prepareIdentity(), options);
  }

  get nodes(): readonly LabNode[] {
    return this.#names.flatMap((name) => this.#nodes.get(name) ?? []);
  }

  node(name: string): LabNode {
    const found = this.#nodes.get(name);
    if (found === undefined) throw new LabError(`lab ${this.name} has no node "${name}"`, 'LAB_NO_NODE');
    return found;
  }

  async addNode(options: NodeOptions): Promise<LabNode> {
    return await this.launch(options);
  }

  /** As {@link addNode}; `signal` abandons this start only. */
  launch(options: NodeOptions, signal?: AbortSignal): Promise<LabNode> {
    const launching = this.#launch(options, AbortSignal.any([this.#stopping.signal, ...(signal ? [signal] : [])]));
    this.#launches.add(launching);
    const forget = () => this.#launches.delete(launching);
    launching.then(forget, forget);
    return launching;
  }

  async #launch(options: NodeOptions, signal: AbortSignal): Promise<LabNode> {
    signal.throwIfAborted();
    assertName('node', options.name);
    if (this.#names.includes(options.name)) throw new LabError(`node "${options.name}" exists already`);
    // Taken before the first wait: addresses and the order of `nodes` follow the order of the calls.
    const index = this.#names.push(options.name);
    await ensureGenerations([options.generation ?? defaultGeneration], this.#options.onProgress);
    const port = await createPort(this.name, options.name, index, this.#network);
    const node = new EngineNode(port, await this.#prepare(port, options));
    this.#nodes.set(options.name, node);
    await node.start(signal);
    this.#options.onProgress?.(`engine ${options.name} (Docker ${node.generation}) at ${node.endpoint}`);
    return node;
  }

  async #prepare(port: Port, options: NodeOptions): Promise<NodeDaemonOptions> {
    const directory = await makeDirectory(this.directory, options.name);
    await this.#identity.prepare(directory, options);
    const hosts = [port.address, options.name, 'localhost', '127.0.0.1'];
    return {
      run: this.name,
      node: options,
      directory,
      endpoint: `${port.address}:${this.#authority ? 2376 : 2375}`,
      socketPath: socketPath(directory),
      logPath: join(directory, 'engine.log'),
      subnet: this.subnet,
      credentials: await this.#authority?.issue(join(directory, 'tls'), options.name, hosts),
    };
  }

  dockerEnv(endpoint?: string): Record<string, string> {
    const host: Record<string, string> = endpoint === undefined ? {} : { DOCKER_HOST: `tcp://${endpoint}` };
    if (this.certificates === undefined) return host;
    return { ...host, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: join(this.directory, 'client') };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopping.abort(new LabError(`lab ${this.name} is closing`, 'LAB_CLOSED'));
    await Promise.allSettled(this.#launches);
    await removeRun(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

async function createTrust(
  directory: string,
  bridgeAddress: string,
): Promise<{ authority: LabAuthority; certificates: LabCertificates }> {
  const [authority, stranger] = await Promise.all([createAuthority('lab'), createAuthority('stranger')]);
  const [client, server, other] = await Promise.all([
    authority.issue(join(directory, 'client'), 'client'),
    authority.issue(join(directory, 'server'), 'manager', ['127.0.0.1', 'localhost', bridgeAddress]),
    stranger.issue(join(directory, 'other'), 'stranger'),
  ]);
  return { authority, certificates: { ...client, server, other } };
}

function assertPossible(): void {
  if (process.platform === 'linux' && process.getuid?.() === 0) return;
  throw new LabError('the lab needs Linux and root: it makes namespaces and starts Docker engines', 'LAB_NOT_ROOT');
}

/** Throws if the kernel could not bind it: a socket address holds 107 bytes. */
function socketPath(directory: string): string {
  const path = join(directory, 'docker.sock');
  if (Buffer.byteLength(path) <= 107) return path;
  throw new LabError(`${path}: too long for a unix socket: choose a shorter ENXAME_LAB_DIR or node name`);
}

function assertDistinct(nodes: readonly NodeOptions[]): void {
  for (const { name } of nodes) assertName('node', name);
  if (new Set(nodes.map((node) => node.name)).size < nodes.length)
    throw new LabError('two nodes of the lab have the same name');
}
