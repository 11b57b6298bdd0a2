import { existsSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../common/command.ts';
import { writePrivate } from '../../common/private-file.ts';
import { withLock } from '../../namespaces/lock.ts';
import { type BridgeNetwork, createNetwork, createPort, type Port } from '../../namespaces/network.ts';
import { lockPath, namespaceName } from '../../namespaces/paths.ts';
import { removeNode, removeRun } from '../../namespaces/removal.ts';
import { DriverError } from '../errors.ts';

/** Where the local machines of one network keep everything. They reach each other; other networks they do not see. */
export interface LocalNetwork {
  /** Folder of all networks; on a real disk. */
  readonly root: string;
  readonly name: string;
}

/** What lies in `network.json`: the addresses, and which port of the switch is whose. */
interface NetworkFile extends BridgeNetwork {
  readonly ports: Readonly<Record<string, number>>;
}

/** Folder of one machine of the network. */
export function nodeFolder(network: LocalNetwork, node: string): string {
  return join(network.root, network.name, 'nodes', node);
}

/**
 * The machine's place in the network, made with the network if need be. It stays the machine's until {@link releasePort}; when the
 * host was restarted the devices are made again.
 */
export function claimPort(network: LocalNetwork, node: string): Promise<Port> {
  return exclusively(network, async () => {
    const known = await readNetwork(network);
    const made = await ensureNetwork(network, known);
    const index = known?.ports[node] ?? freeIndex(Object.values(known?.ports ?? {}));
    await writeNetwork(network, { ...made, ports: { ...known?.ports, [node]: index } });
    const port: Port = { run: network.name, node, index, address: addressOf(made, index) };
    if (existsSync(`/run/netns/${namespaceName(network.name, node)}`)) {
      if (await isPlugged(network, port)) return port;
    }
    await removeNode(network.name, node, index);
    return await createPort(network.name, node, index, made);
  });
}

/** Makes the network when it is not there. It goes with its last machine. */
export function openNetwork(network: LocalNetwork): Promise<BridgeNetwork> {
  return exclusively(network, async () => {
    const known = await readNetwork(network);
    const made = await ensureNetwork(network, known);
    await writeNetwork(network, { ...made, ports: known?.ports ?? {} });
    return made;
  });
}

/** The machine's port as it was claimed; undefined when it was not. */
export async function findPort(network: LocalNetwork, node: string): Promise<(Port & BridgeNetwork) | undefined> {
  const known = await readNetwork(network);
  const index = known?.ports[node];
  if (known === undefined || index === undefined) return undefined;
  return { ...known, run: network.name, node, index, address: addressOf(known, index) };
}

/** Removes the machine's processes, devices and folder; the network goes with its last machine. */
export function releasePort(network: LocalNetwork, node: string): Promise<void> {
  if (!existsSync(join(network.root, network.name))) return Promise.resolve();
  return exclusively(network, async () => {
    const known = await readNetwork(network);
    await removeNode(network.name, node, known?.ports[node] ?? 0);
    await rm(nodeFolder(network, node), { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    const { [node]: _gone, ...ports } = known?.ports ?? {};
    if (known !== undefined && Object.keys(ports).length > 0) return await writeNetwork(network, { ...known, ports });
    await removeRun(network.name);
    await rm(join(network.root, network.name), { recursive: true, force: true });
    // Goes with the last network in it.
    await rmdir(network.root).catch(() => undefined);
  });
}

async function ensureNetwork(network: LocalNetwork, known: NetworkFile | undefined): Promise<BridgeNetwork> {
  if (known !== undefined && existsSync(`/run/netns/${namespaceName(network.name)}`)) {
    const { prefix, subnet, bridgeAddress } = known;
    return { prefix, subnet, bridgeAddress };
  }
  // What a run that was cut off left of it would be in the way.
  await removeRun(network.name);
  return await createNetwork(network.name);
}

/** Whether the cable was plugged in with its address: the last thing done when a port is made. */
async function isPlugged(network: LocalNetwork, port: Port): Promise<boolean> {
  const { stdout } = await run('ip', [
    '-n',
    namespaceName(network.name, port.node),
    '-4',
    'addr',
    'show',
    'dev',
    'eth0',
    'up',
  ]);
  return stdout.includes(`inet ${port.address}/`);
}

function addressOf(network: BridgeNetwork, index: number): string {
  // As createPort does: .1 to .10 are this host's.
  return `${network.prefix}${10 + index}`;
}

function freeIndex(taken: readonly number[]): number {
  let index = 1;
  while (taken.includes(index)) index += 1;
  return index;
}

async function readNetwork(network: LocalNetwork): Promise<NetworkFile | undefined> {
  const path = join(network.root, network.name, 'network.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as NetworkFile;
  } catch (error) {
    throw new DriverError(`${path} is not JSON: remove it once no local machine is left`, 'LOCAL_NETWORK', error);
  }
}

async function writeNetwork(network: LocalNetwork, content: NetworkFile): Promise<void> {
  await writePrivate(join(network.root, network.name, 'network.json'), `${JSON.stringify(content, null, 2)}\n`);
}

function exclusively<T>(network: LocalNetwork, work: () => Promise<T>): Promise<T> {
  return withLock(lockPath(`local-${network.name}`), work);
}
