import type { NetworkSummary, VolumeSummary } from '../engine/types.ts';
import type { DomainTable } from '../scheduler/domain-table.ts';
import type { LoadTable } from '../scheduler/load-table.ts';
import { canonicalIp } from '../scheduler/port-table.ts';
import type { ClusterView, ContainerView, NodeIds } from '../scheduler/types.ts';
import { Container } from './container.ts';
import { containersMeant, onlyContainers, resolveContainer } from './container-reference.ts';
import type { Containers } from './containers.ts';
import { HeldByNodes } from './held-by-nodes.ts';
import { ImageIndex } from './images.ts';
import type { Moves } from './moves.ts';
import { NetworkNames } from './network-names.ts';
import type { Node } from './node.ts';
import type { Nodes } from './nodes.ts';

/** Look-ups in the cluster's model, each by an index: none walks all containers. Written by `Cluster`. */
export abstract class ClusterLookups implements ClusterView<Node> {
  readonly images: ImageIndex = new ImageIndex();
  readonly networks: HeldByNodes<NetworkSummary> = new HeldByNodes<NetworkSummary>((network) => network.Id);
  /** The networks that engines know under another name than clients. */
  readonly networkNames: NetworkNames = new NetworkNames();
  readonly volumes: HeldByNodes<VolumeSummary> = new HeldByNodes<VolumeSummary>((volume) => volume.Name);
  /** Written by `Cluster` alone. */
  protected abstract readonly heldContainers: Containers;
  /** Written by `Cluster` alone. */
  protected abstract readonly members: Nodes;

  /** All nodes in the order of discovery, whatever their state. */
  get nodes(): readonly Node[] {
    return this.members.all;
  }

  get loads(): LoadTable {
    return this.members.loads;
  }

  get domains(): DomainTable {
    return this.members.domains;
  }

  healthyNodes(): readonly Node[] {
    return this.nodes.filter((node) => node.isHealthy);
  }

  /** A node by engine ID or name; a name that two nodes have means the first. */
  node(idOrName: string): Node | undefined {
    return this.members.find(idOrName);
  }

  /** Nodes whose engine says this host name: several only by mistake. */
  nodesNamed(name: string): readonly Node[] {
    return this.members.named(name);
  }

  /** Everything about containers in listing order; see `ContainerList`. */
  get containerList(): Containers['list'] {
    return this.heldContainers.list;
  }

  get containerCount(): number {
    return this.heldContainers.size;
  }

  /** Containers with a label (and value), and how many, from the index. */
  containersWithLabel(
    key: string,
    value?: string,
  ): { readonly count: number; readonly containers: Iterable<Container> } {
    const { index } = this.heldContainers;
    return {
      count: index.countByLabel(key, value),
      get containers() {
        return onlyContainers(index.byLabel(key, value));
      },
    };
  }

  /** Containers with exactly this name, or whose ID starts with this prefix (at most `most`). */
  containersNamed(name: string): readonly Container[] {
    return onlyContainers(this.heldContainers.index.byName(name));
  }

  /** Containers that have a name in common, each name once: engines that came back with others, or were written to directly. */
  *sharingNames(): IterableIterator<readonly Container[]> {
    for (const name of this.heldContainers.index.sharedNames()) {
      // The swarm's own (agents of `enxame machine`) have the same name on every node.
      const sharing = this.containersNamed(name).filter(({ isOfSwarm }) => !isOfSwarm);
      if (sharing.length > 1) yield sharing;
    }
  }

  /** Containers whose name contains `text`, which has at least `MIN_INDEXED_CHARS` characters. */
  containersNamedLike(text: string): readonly Container[] {
    return onlyContainers(this.heldContainers.index.byNamePart(text));
  }

  containersByPrefix(prefix: string, most: number): readonly Container[] {
    return onlyContainers(this.heldContainers.index.byPrefix(prefix, most));
  }

  /**
   * The container a client means by a full ID, a name (`web`, `/web`), `node/web` or an ID prefix, in this order.
   * Throws 404 when there is none and 400 when there are several.
   */
  container(reference: string): Container {
    return resolveContainer(this.heldContainers, reference);
  }

  /** Like {@link container}, undefined when there is none or it is ambiguous. */
  findContainer(reference: string): Container | undefined {
    const found = containersMeant(this.heldContainers, reference);
    return found.length === 1 ? found[0] : undefined;
  }

  /** Containers that are being made on another node. */
  get moves(): Moves {
    return this.heldContainers.moves;
  }

  // The scheduler's view.

  findContainers(reference: string): readonly ContainerView[] {
    const { index } = this.heldContainers;
    const pending = index.byName(reference).filter((each) => !(each instanceof Container));
    return [...containersMeant(this.heldContainers, reference), ...pending];
  }

  containers(): Iterable<ContainerView> {
    return this.heldContainers.everything();
  }

  containerLabel(key: string, without?: ReadonlySet<string>): ReadonlyMap<string, NodeIds> | undefined {
    return this.heldContainers.index.labelNodes(key, without);
  }

  groupMembers(group: string, without?: ReadonlySet<string>): readonly (readonly [row: number, count: number])[] {
    const found: (readonly [number, number])[] = [];
    for (const [nodeId, count] of this.heldContainers.index.groupNodes(group, without)) {
      const row = this.members.holderOf(nodeId)?.row;
      if (row !== undefined) found.push([row, count]);
    }
    return found;
  }

  /** A gateway of a local network is an address of the node too. */
  nodesWithAddress(ip: string): NodeIds {
    const found = new Set<string>();
    for (const node of this.nodes) {
      if (node.addresses.has(ip) || this.networks.of(node).some((network) => isGateway(network, ip)))
        found.add(node.id);
    }
    return found;
  }

  nodesWithImage(reference: string): NodeIds | undefined {
    return this.images.nodesWith(reference);
  }

  imageReferences(): Iterable<readonly [reference: string, nodes: NodeIds]> {
    return this.images.references();
  }
}

function isGateway({ Scope, IPAM }: NetworkSummary, ip: string): boolean {
  return Scope === 'local' && (IPAM?.Config ?? []).some(({ Gateway }) => Gateway && canonicalIp(Gateway) === ip);
}
