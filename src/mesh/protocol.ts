/**
 * What the primary manager and the agents of nodes in the mesh say to each other, over the connection that the agent dialled. The manager puts one
 * question, {@link MeshQuestion}, again and again; the agent does what the order in it says, if there is one, and answers with a {@link MeshReport}.
 */

/** The path of the question. */
export const MESH_PATH = '/mesh';

/** Bytes that a packet in the mesh may have. A path of 1340 bytes carries it; what is lost on smaller ones is lost without a word. */
export const MESH_MTU = 1280;

/** Peers at most, of any node. */
export const MOST_PEERS = 1_000;

/** A key as WireGuard writes it: 32 bytes, base64. */
export const KEY: RegExp = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

export interface MeshQuestion {
  /** Left out when the node is as it should be, or only asked how it is. */
  readonly order?: MeshOrder | undefined;
}

/** How a node of the mesh should be set up. */
export interface MeshOrder {
  /** Names what else it says: equal digests, equal orders. */
  readonly digest: string;
  /** The node's own address in the mesh, IPv4. */
  readonly address: string;
  /** CIDR that all addresses of the mesh are in. */
  readonly subnet: string;
  readonly mtu: number;
  readonly peers: readonly MeshPeer[];
  /** Addresses that the node measures the way to, as far as it has time. */
  readonly measured: readonly string[];
}

/** One peer of WireGuard. */
export interface MeshPeer {
  readonly key: string;
  /** `IP:port`, IPv6 in brackets; left out where the peer is awaited. */
  readonly endpoint?: string | undefined;
  /** Addresses that are reached through this peer, and whose packets are taken from it alone; none for a probe. */
  readonly allowed: readonly string[];
}

/** How a node of the mesh is. */
export interface MeshReport {
  readonly key: string;
  /** UDP port that WireGuard listens on at the node. */
  readonly port: number;
  /** Of the kernel, or the program `wireguard-go`. */
  readonly kind: 'kernel' | 'program';
  readonly interface: string;
  /** Where others reach the UDP port, as the operator says: `IP:port`, or `:port` at the address that the manager sees the agent at. */
  readonly public?: string | undefined;
  /** IPv4 addresses of the node's other interfaces. */
  readonly addresses: readonly string[];
  /** CIDRs that the node has routes to beside the mesh and the default ones. */
  readonly routes: readonly string[];
  /** Digest of the last order, once it is carried out. */
  readonly applied?: string | undefined;
  readonly peers: readonly PeerReport[];
  readonly ways: readonly WayReport[];
  /** What is wrong at the node, in words. */
  readonly problems: readonly string[];
  /** The node's clock, Unix time in milliseconds. */
  readonly nowMs: number;
}

/** What WireGuard tells of a peer. */
export interface PeerReport {
  readonly key: string;
  /** Where its packets come from, `IP:port`; undefined before there was one. */
  readonly endpoint?: string | undefined;
  readonly allowed: readonly string[];
  /** Seconds since the last handshake; undefined when there was none. */
  readonly handshakeS?: number | undefined;
  /** Seconds since something came from it, at least; undefined when nothing did. */
  readonly heardS?: number | undefined;
}

/** What was measured of the way to an address, by small packets through the mesh. */
export interface WayReport {
  readonly address: string;
  /** Of the last packets, 20 at most. */
  readonly sent: number;
  readonly lost: number;
  /** How many of the last were lost one after the other. */
  readonly missed: number;
  /** The median, in milliseconds; undefined when none came back. */
  readonly latencyMs?: number | undefined;
  /** Whether packets are lost at every size that is of use, where small ones come back. */
  readonly isNarrow: boolean;
  /** The size of packets in bytes that the node sends at most, as those of the full size are lost; undefined where they arrive. */
  readonly mtu?: number | undefined;
}

/** UDP port in the mesh, at every node's own address there, that answers small packets. */
export const ECHO_PORT = 51_819;
