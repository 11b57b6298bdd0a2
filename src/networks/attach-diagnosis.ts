import type { Node } from '../cluster/node.ts';
import { containsAddress, isEdge, parseCidr } from '../common/cidr.ts';
import { readAttachmentTasks } from '../substrate/attachment-tasks.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { isInternalEndpoint } from '../substrate/swarm-networks.ts';
import type { NetworkCatalog } from './catalog.ts';
import { inspectOnNodes, type NetworkEndpoint } from './inspection.ts';
import type { KnownNetwork } from './known-network.ts';
import type { WantedAttachment } from './wanted-attachment.ts';

/** Whom to ask. */
export interface DiagnosisDeps {
  readonly catalog: NetworkCatalog;
  readonly signal: AbortSignal;
}

/**
 * The holder of an address of a network now, in words; undefined without one other than the container itself, or the copy of it that
 * a lost node is remembered to have.
 */
export async function holdsAddress(
  network: KnownNetwork<Node>,
  address: string,
  { engineId, id, ...deps }: DiagnosisDeps & Pick<WantedAttachment, 'engineId' | 'id'>,
): Promise<string | undefined> {
  for (const { Subnet = '', Gateway, AuxiliaryAddresses } of network.summary.IPAM?.Config ?? []) {
    const subnet = parseCidr(Subnet);
    if (subnet && isEdge(subnet, address)) return "the network's own or broadcast address";
    if (Gateway === address) return 'its gateway';
    const auxiliary = Object.entries(AuxiliaryAddresses ?? {}).find(([, each]) => each === address);
    if (auxiliary) return `its auxiliary address ${auxiliary[0]}`;
  }
  for (const [node, endpoints] of await heldOf(network, deps)) {
    for (const [key, endpoint] of Object.entries(endpoints)) {
      // One without a sandbox is just being made, perhaps for this very container.
      if (key === engineId || key.startsWith('ep-') || addressOf(endpoint) !== address) continue;
      if (!node.isHealthy && key === id) continue;
      if (isInternalEndpoint(key)) return `${node.name} itself needs it`;
      return `container ${endpoint.Name ?? key.slice(0, 12)} on ${node.name}`;
    }
  }
  return undefined;
}

/**
 * The network that has no address left for a container, if that is why its attachment does not come about: the swarm leaves the
 * attachment in state `new` and gives no reason, and the endpoints of all nodes together fill the network.
 */
export async function fullNetwork(
  { node, engineId, endpoints }: WantedAttachment,
  { substrate, ...deps }: DiagnosisDeps & { readonly substrate: Substrate },
): Promise<KnownNetwork<Node> | undefined> {
  const allocated = await allocatedNetworks(substrate, engineId, deps.signal);
  for (const { network, address } of endpoints) {
    if (address || allocated.has(network.raw.Id)) continue;
    const room = roomOf(network);
    const held = await heldOf(network, deps);
    const addresses = [...held.values()].flatMap((each) => Object.values(each).flatMap((end) => addressOf(end) ?? []));
    // A node's first container needs one address more, for the node itself.
    const needed = held.has(node) ? 1 : 2;
    if (new Set(addresses.filter(room.has)).size + needed > room.size) return network;
  }
  return undefined;
}

/** Cluster networks in which a container's attachment has an address already, by ID. */
async function allocatedNetworks(
  substrate: Substrate,
  engineId: string,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { client } = await substrate.manager(signal);
  const tasks = await readAttachmentTasks(client, signal);
  const own = tasks.filter(
    ({ Status, Spec }) => Status?.State !== 'new' && Spec?.NetworkAttachmentSpec?.ContainerID === engineId,
  );
  return new Set(own.flatMap(({ Spec }) => (Spec?.Networks ?? []).flatMap(({ Target }) => Target ?? [])));
}

/** The addresses a network gives to containers that ask for none: its ranges without the network's own, the broadcast's and the gateway's. */
function roomOf({ raw }: KnownNetwork<Node>): {
  readonly size: number;
  readonly has: (address: string) => boolean;
} {
  const ranges = (raw.IPAM?.Config ?? []).flatMap(({ Subnet = '', IPRange, Gateway }) => {
    const subnet = parseCidr(Subnet);
    const range = parseCidr(IPRange || Subnet);
    return subnet && range ? [{ subnet, range, gateway: Gateway }] : [];
  });
  const sizes = ranges.map(({ subnet, range, gateway }) => {
    const own = [range.first === subnet.first, range.last === subnet.last, gateway && containsAddress(range, gateway)];
    return Number(range.last - range.first) + 1 - own.filter(Boolean).length;
  });
  // One that the swarm never allocated has no driver, and no room.
  const unknown = raw.Driver === '' ? 0 : Number.POSITIVE_INFINITY;
  return {
    size: sizes.length === 0 ? unknown : sizes.reduce((sum, size) => sum + size, 0),
    has: (address) => ranges.some(({ range }) => containsAddress(range, address)),
  };
}

async function heldOf(
  network: KnownNetwork<Node>,
  { catalog, signal }: DiagnosisDeps,
): Promise<ReadonlyMap<Node, Readonly<Record<string, NetworkEndpoint>>>> {
  const onUnknown = (): void => undefined;
  return (await inspectOnNodes({ network, nodes: catalog.nodesOf(network), search: '', signal, onUnknown })).held;
}

function addressOf({ IPv4Address }: NetworkEndpoint): string | undefined {
  return IPv4Address?.split('/')[0] || undefined;
}
