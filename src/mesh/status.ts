import type { MeshPath } from './types.ts';

/** A node as `enxame mesh` shows it. */
export interface MeshNodeStatus {
  readonly id: string;
  /** Undefined of one that was not let in. */
  readonly address: string | undefined;
  /** Public key. */
  readonly key: string | undefined;
  /** Where it is reached from everywhere; undefined behind NAT. */
  readonly endpoint: string | undefined;
  /** `silent`: its agent has not dialled in, or does not answer; it goes on as it was. */
  readonly state: 'up' | 'setting up' | 'silent' | 'refused';
  readonly kind: 'kernel' | 'program' | undefined;
  readonly problems: readonly string[];
}

/** How one node reaches another. */
export interface MeshPathStatus extends MeshPath {
  /** The median there and back, as measured at one end. */
  readonly latencyMs: number | undefined;
  /** Of the last packets, from both ends. */
  readonly sent: number;
  readonly lost: number;
}

export interface MeshStatus {
  readonly subnet: string | undefined;
  readonly mtu: number;
  readonly nodes: readonly MeshNodeStatus[];
  readonly paths: readonly MeshPathStatus[];
}
