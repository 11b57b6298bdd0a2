/** A node as far as its cost goes. */
export interface BilledNode {
  readonly id: string;
  readonly name: string;
  /** `Healthy`, `Unhealthy`, …: a node that does not answer costs on. */
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

/** What the containers of one Compose project reserve on one node, in any state. */
export interface BilledShare {
  readonly nodeId: string;
  /** Empty: containers of no project. */
  readonly project: string;
  readonly containers: number;
  /** Containers of them that reserve CPUs or memory. */
  readonly reserving: number;
  readonly nanoCpus: number;
  readonly memoryBytes: number;
}

/** What a bill is computed from, beside prices. */
export interface BillFacts {
  readonly nodes: readonly BilledNode[];
  readonly shares: readonly BilledShare[];
}
