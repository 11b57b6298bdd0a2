import type { ExplainedNode, NodeName } from './containers.ts';
import type { PlanView } from './plans.ts';

export interface NodeDetail extends NodeName {
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kernel: string;
  readonly system: string;
  readonly storageDriver: string;
  readonly version: string;
  readonly platform: string;
  readonly rootDir: string;
  /** The engine's clock minus the manager's. */
  readonly clockOffsetMs: number;
  /** When it was last listed in full; null for never. */
  readonly listedAt: number | null;
  readonly images: number;
  readonly networks: number;
  readonly volumes: number;
  /** Copies of containers that are elsewhere. */
  readonly hidden: number;
}

/** What would become of its containers if it were lost now. */
export interface NodeExplanation extends ExplainedNode {
  readonly plan: PlanView;
}

export interface ImageRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly size: number;
  readonly createdSeconds: number;
  /** Numbers of the nodes that have it. */
  readonly nodes: readonly number[];
  /** Containers that are made of it. */
  readonly containers: number;
}

export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** `cluster`: it spans nodes. `local`: one node's. `predefined`: every engine has its own (`bridge`, `host`, `none`). */
  readonly kind: 'cluster' | 'local' | 'predefined';
  readonly subnets: readonly string[];
  readonly internal: boolean;
  readonly nodes: readonly number[];
  readonly project?: string;
}

export interface NetworkDetail extends NetworkRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly endpoints: readonly {
    /** Container's ID. */
    readonly id: string;
    readonly name: string;
    /** Number of its node; null when that is not known. */
    readonly n: number | null;
    readonly address: string;
  }[];
}

export interface VolumeRow {
  readonly name: string;
  readonly driver: string;
  /** Where it lives; null for one without a node yet, or everywhere (a driver of global scope). */
  readonly home: NodeName | null;
  /** Why it cannot be used now. */
  readonly lost?: string;
  /** Nodes that have one of this name. */
  readonly nodes: readonly number[];
  /** IDs of the containers that mount it. */
  readonly users: readonly string[];
  readonly createdAt?: string;
  /** Bytes; null when it was not asked for or the engine does not tell. */
  readonly size: number | null;
  readonly project?: string;
}
