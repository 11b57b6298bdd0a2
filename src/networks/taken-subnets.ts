import type { Node } from '../cluster/node.ts';
import { type Cidr, overlap, parseCidr } from '../common/cidr.ts';
import { ClusterError } from '../common/errors.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { HeldNetwork } from './view.ts';

/** A subnet in use, and by whom in words. */
export interface TakenSubnet {
  readonly subnet: Cidr;
  readonly holder: string;
}

/** The subnets of cluster networks, the substrate's own included. */
export function subnetsOfCluster(networks: Iterable<NetworkSummary>): TakenSubnet[] {
  return [...networks].flatMap((network) => subnetsOf(network, `network ${network.Name}`));
}

/** The subnets of the nodes' own networks, `docker0` and other bridges; each once, however many nodes have it. */
export function subnetsOfNodes(held: Iterable<HeldNetwork<Pick<Node, 'name'>>>): TakenSubnet[] {
  const taken = new Map<string, TakenSubnet>();
  for (const { holders } of held) {
    for (const [node, network] of holders) {
      if (network.Scope !== 'local' || network.ConfigOnly) continue;
      for (const config of network.IPAM?.Config ?? []) {
        const text = config.Subnet ?? '';
        if (taken.has(text)) continue;
        const subnet = parseCidr(text);
        if (subnet) taken.set(text, { subnet, holder: `network ${network.Name} of ${node.name}` });
      }
    }
  }
  return [...taken.values()];
}

function subnetsOf({ IPAM }: NetworkSummary, holder: string): TakenSubnet[] {
  return (IPAM?.Config ?? []).flatMap(({ Subnet = '' }) => {
    const subnet = parseCidr(Subnet);
    return subnet ? [{ subnet, holder }] : [];
  });
}

/** Throws 403 in an engine's words when subnets overlap with one in use, or with each other. */
export function assertFree(wanted: readonly Cidr[], taken: readonly TakenSubnet[]): void {
  for (const [index, subnet] of wanted.entries()) {
    const holder = taken.find((each) => overlap(each.subnet, subnet))?.holder;
    if (holder !== undefined) throw overlaps(holder);
    if (wanted.slice(0, index).some((other) => overlap(other, subnet))) throw overlaps('the same network');
  }
}

function overlaps(holder: string): ClusterError {
  return new ClusterError(`invalid pool request: Pool overlaps with other one on this address space (${holder})`, {
    code: 'SUBNET_TAKEN',
    status: 403,
  });
}
