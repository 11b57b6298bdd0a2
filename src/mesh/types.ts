import type { MeshOrder, MeshReport } from './protocol.ts';

/** A node that has an address in the mesh, as it is kept. */
export interface MeshMember {
  /** The name of its agent. */
  readonly id: string;
  readonly key: string;
  /** IPv4. */
  readonly address: string;
  /** `IP:port` where its UDP port is reached from everywhere, as last heard: it relays. Undefined for a node behind NAT. */
  readonly endpoint?: string | undefined;
}

/** What was last heard of a node. */
export interface MeshSight {
  readonly report: MeshReport;
  /** The address that its agent dials from. */
  readonly from: string;
  /** Whether it answered a moment ago: only such a node can be told what to do. */
  readonly isFresh: boolean;
}

/** What is planned from. */
export interface MeshSituation {
  /** CIDR. */
  readonly subnet: string;
  readonly mtu: number;
  /** No two have the same key or address. */
  readonly members: readonly MeshMember[];
  /** By member ID; none of a node that was not heard of since the manager started. */
  readonly sights: ReadonlyMap<string, MeshSight>;
  /** Ways, by {@link directKey} and {@link relayKey}, that failed a while ago and are not to be tried now. */
  readonly resting: ReadonlySet<string>;
}

/** How two nodes reach each other. */
export type Way =
  | { readonly kind: 'direct' }
  /** Through a public node. */
  | { readonly kind: 'relay'; readonly by: string }
  /** Both are behind NAT, and there is no public node. */
  | { readonly kind: 'none' };

export interface MeshPath {
  /** Member IDs, the lesser first. */
  readonly a: string;
  readonly b: string;
  readonly way: Way;
  /** Whether it is tried out if they reach each other directly; traffic goes the other way until both hear each other. */
  readonly isProbed: boolean;
}

export interface MeshPlan {
  /** By member ID. */
  readonly orders: ReadonlyMap<string, MeshOrder>;
  /** Of each two members. */
  readonly paths: readonly MeshPath[];
  /** Ways that turned out not to work, by {@link directKey} and {@link relayKey}. */
  readonly failed: readonly string[];
}

/** Names the direct way between two members, whichever comes first. */
export function directKey(a: string, b: string): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** Names the way of two members through a third. */
export function relayKey(a: string, b: string, by: string): string {
  return `${directKey(a, b)} ${by}`;
}
