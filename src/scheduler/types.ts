import type { DomainTable } from './domain-table.ts';
import type { Expression } from './expression.ts';
import type { Load, LoadTable } from './load-table.ts';
import type { SpotRule } from './spot-rule.ts';

/** Transport of a published port. */
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One host port taken on a node. `ip` is the host address it is bound to; `''` means all, `0.0.0.0` and `::` all of their family. */
export interface PortClaim {
  readonly protocol: Protocol;
  readonly ip: string;
  readonly port: number;
}

/** A host port asked for: any one of `first..last` (both included; equal for a single port) on `ip`. */
export interface PortRequest {
  readonly protocol: Protocol;
  readonly ip: string;
  readonly first: number;
  readonly last: number;
}

/** Facts every engine reports about its host; usable as constraint keys, never shadowed by labels of the same name. */
export interface NodeBuiltins {
  readonly storagedriver: string;
  readonly kernelversion: string;
  readonly operatingsystem: string;
  readonly ostype: string;
  readonly architecture: string;
}

/** What an operator says of a node. `pause`: it keeps what it has and takes nothing new. `drain`: what may move leaves it, too. */
export type Availability = 'active' | 'pause' | 'drain';

/** An engine as the scheduler sees it. Implemented by live objects: read synchronously, never kept, never written. */
export interface NodeView extends Load {
  /** The engine's ID, unique in the cluster. */
  readonly id: string;
  readonly name: string;
  /** IP address or host name where its published ports are reached. */
  readonly address: string;
  readonly isHealthy: boolean;
  /** Only an active node takes anything new. */
  readonly availability: Availability;
  /** Engine labels (`dockerd --label`) and those of `docker node update --label-add`. */
  readonly labels: ReadonlyMap<string, string>;
  readonly builtins: NodeBuiltins;
  /** Most containers the node takes (label `containerslots`); undefined = no limit. */
  readonly slots: number | undefined;
  /** Whether a container (any state) or pending placement holds an overlapping host port. O(1): see `PortTable`. */
  usesPort(protocol: Protocol, ip: string, port: number): boolean;
}

/** A container as affinities and dependencies see it. */
export interface ContainerView {
  readonly id: string;
  /** Its own name without leading slash. */
  readonly name: string;
  readonly nodeId: string;
}

/** Engine IDs found in an index, without a copy: a `Set<string>` and a `Map<string, …>` keyed by engine ID both fit. */
export interface NodeIds {
  readonly size: number;
  has(nodeId: string): boolean;
  keys(): Iterable<string>;
}

/**
 * The live cluster, read during one synchronous call (so it is its own snapshot). Containers in every state and
 * pending placements count everywhere. `N` is the kind of node, which a decision hands back.
 */
export interface ClusterView<N extends NodeView = NodeView> {
  /** All nodes, healthy or not, in a stable order (it breaks the last ties). */
  readonly nodes: readonly N[];
  /** Row i equals what `nodes[i]` says of its load. */
  readonly loads: LoadTable;
  /** Row i has the failure domains of `nodes[i]`. */
  readonly domains: DomainTable;
  /**
   * Containers a reference means: full ID, name, `node/name`, else ID prefix. Exact ones win over prefixes; none =
   * unknown, several = ambiguous. O(1) for IDs and names.
   */
  findContainers(reference: string): readonly ContainerView[];
  /** Every container; walked only for globs and regular expressions on `container`. */
  containers(): Iterable<ContainerView>;
  /**
   * The index of one container label: each value in use with the nodes that have it; undefined = no container has the label.
   * Containers with an ID in `without` do not count.
   */
  containerLabel(key: string, without?: ReadonlySet<string>): ReadonlyMap<string, NodeIds> | undefined;
  /**
   * How many of a group (see `groupOf`) are on which nodes, by row, each row once and no zeros. Containers with an ID in `without` do
   * not count.
   */
  groupMembers(group: string, without?: ReadonlySet<string>): readonly (readonly [row: number, count: number])[];
  /** Nodes known to have a host address (in canonical spelling, see `canonicalIp`). */
  nodesWithAddress(ip: string): NodeIds;
  /** Nodes that hold an image: ID, ID prefix, digest or reference; without a tag any tag of that repository counts. */
  nodesWithImage(reference: string): NodeIds | undefined;
  /** Every local image reference in familiar form (`redis:7`, `ghcr.io/a/b:1`) with its holders; walked only for patterns. */
  imageReferences(): Iterable<readonly [reference: string, nodes: NodeIds]>;
}

/** Another container this one must share a node with, and the option that says so (`--link`, `--volumes-from`, …). */
export interface Dependency {
  readonly option: string;
  readonly container: string;
}

/** A node the placement is bound to, and why (`volume "data" lives on one`). */
export interface Home {
  readonly nodeId: string;
  readonly reason: string;
}

/** What an image or the client's `--platform` asks of a node, in Docker's spelling (`linux`, `arm64`). */
export interface Platform {
  readonly os: string;
  readonly architecture?: string;
}

/** When a container moves to another node. */
export type ReschedulePolicy = 'auto' | 'on-node-failure' | 'off';

/** Everything scheduling needs to know of a container to place. The manager adds homes, platform and exclusions. */
export interface PlacementRequest {
  readonly name?: string;
  readonly image: string;
  readonly platform?: Platform;
  /** To reserve: the memory limit, or the soft reservation when there is none. 0 = nothing asked. */
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly ports: readonly PortRequest[];
  readonly constraints: readonly Expression[];
  readonly affinities: readonly Expression[];
  /** Each a set of node names; the node must be in all of them. */
  readonly whitelists: readonly Whitelist[];
  readonly dependencies: readonly Dependency[];
  /** What the container itself says; undefined = the cluster's default holds. */
  readonly reschedule?: ReschedulePolicy;
  /** Whose members are spread over failure domains and nodes, see `groupOf`; undefined = it is in no group. */
  readonly group?: string;
  /** Which part of its group may be on machines that their provider may take back; undefined = all of it. */
  readonly spot?: SpotRule;
  readonly homes?: readonly Home[];
  /** Nodes not to use (they just failed to create it), with the reason by engine ID. */
  readonly excluded?: ReadonlyMap<string, string>;
  /** IDs of containers that this one replaces: it need not keep away from them. The caller sets their reservations aside. */
  readonly replaces?: ReadonlySet<string>;
  /** Containers that go to the same node with it: the node must be right for each. What they reserve is in this request's sums. */
  readonly companions?: readonly PlacementRequest[];
  /** Nodes to stay on if they may take the container: it comes after every preference the client wrote. */
  readonly stays?: ReadonlySet<string>;
}

/** `node==a|b|c`. */
export interface Whitelist {
  readonly text: string;
  readonly names: ReadonlySet<string>;
}

/** What one filter refused. */
export interface RefusalReason {
  readonly filter: string;
  readonly nodes: number;
  /** In words, e.g. `port 80/tcp is taken (bee-1, bee-2)`. */
  readonly explanation: string;
}

/** The kinds of refusal: an empty cluster, no healthy node, no room, or conditions that no node meets. */
export type RefusalCode = 'NO_NODES' | 'NO_HEALTHY_NODE' | 'NO_RESOURCES' | 'NO_NODE';

/** Why no node was chosen. */
export interface Refusal {
  readonly kind: 'refused';
  readonly code: RefusalCode;
  readonly message: string;
  /** Most frequent first; `nodes` add up to the size of the cluster. */
  readonly reasons: readonly RefusalReason[];
}

/** What the scheduler says of one node for a request. */
export interface Judgement<N extends NodeView = NodeView> {
  readonly node: N;
  /** The first filter that refuses it, and why; undefined when it may take the container. */
  readonly refusal?: { readonly filter: string; readonly explanation: string };
  /** The soft expressions that it does not meet. */
  readonly missed: readonly Expression[];
}

/** The scheduler's answer. `dropped` are the soft expressions the chosen node does not meet. */
export type Decision<N extends NodeView = NodeView> =
  | { readonly kind: 'placed'; readonly node: N; readonly dropped: readonly Expression[] }
  | Refusal;
