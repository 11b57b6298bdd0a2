import type { MoveHow, PlannedCopy } from '../availability/plan.ts';
import type { Availability, Home, NodeBuiltins, Platform, PortClaim, PortRequest } from '../scheduler/types.ts';

/** What a node costs, or why that is not known. */
export type SnapshotPrice =
  | {
      /** A month, in millionths of the plan's currency. */
      readonly micros: number;
      /** Where it comes from, in words. */
      readonly source: string;
    }
  | { readonly unknown: string };

/** A node, or a machine that could be made. Plain data, as all here: it goes to a worker. */
export interface SnapshotNode {
  readonly id: string;
  readonly name: string;
  readonly isHealthy: boolean;
  readonly availability: Availability;
  readonly labels: readonly (readonly [string, string])[];
  readonly builtins: NodeBuiltins;
  readonly slots: number | undefined;
  readonly totalMemoryBytes: number;
  readonly totalNanoCpus: number;
  readonly price: SnapshotPrice;
  /** What it reserves beside the containers of the snapshot: copies that are being made or ended. */
  readonly otherMemoryBytes: number;
  readonly otherNanoCpus: number;
  readonly otherContainers: number;
  /** Why it cannot go whatever is on it, in words. */
  readonly keptFor?: string;
  /** It is not there: what it would be made by, in words. */
  readonly isNew?: boolean;
}

/** Everything that a planner must know of a container. */
export interface SnapshotContainer {
  readonly key: string;
  readonly id: string;
  readonly name: string;
  readonly nodeId: string;
  readonly generation: number;
  /** Containers that must share a node have the same number. */
  readonly bundle: number;
  /** Why it stays, in words. */
  readonly hindrance?: string;
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  /** What it used at most in the last day; undefined when nobody measured. */
  readonly usedMemoryBytes?: number;
  readonly usedNanoCpus?: number;
  readonly ports: readonly PortRequest[];
  readonly claims: readonly PortClaim[];
  /** Expressions as written. */
  readonly constraints: readonly string[];
  readonly affinities: readonly string[];
  readonly whitelists: readonly { readonly text: string; readonly names: readonly string[] }[];
  readonly platform?: Platform;
  readonly homes: readonly Home[];
  /** Which of {@link Snapshot.refusals} holds for it. */
  readonly refusal?: number;
  readonly group?: string;
  /** Of its labels those that affinities ask for. */
  readonly labels: Readonly<Record<string, string>>;
  /** `io.enxame.spot`: the share of its group that may be on spot nodes, 0 to 1. */
  readonly spotShare?: number;
  readonly how: MoveHow;
  readonly loses: readonly string[];
  readonly spans: boolean;
  /** Of those that move as one the first has them all. */
  readonly copies: readonly PlannedCopy[];
  /** Keys of all that move as one with it because they share volumes, itself included, in order; default none. */
  readonly together?: readonly string[];
  /** How long nothing of it runs when it moves, in milliseconds. */
  readonly downtimeMs: number;
  readonly priority: number;
}

/** What a person asked for. */
export interface CheapestOptions {
  /** Sizes: what is reserved, or what is used as well. */
  readonly by: 'reservation' | 'usage';
  /** In how many domains of a label nodes, and replicas of each service, must be at least. */
  readonly minDomains: readonly { readonly label: string; readonly least: number }[];
  /** The share of each node that stays free, 0 to 0.9. */
  readonly headroomShare: number;
  /** For so many nodes the others keep room. */
  readonly headroomNodes: number;
  /** What a month must save at least, in millionths of the currency, or as a share of what it costs. */
  readonly minSaving: { readonly micros: number } | { readonly share: number };
}

export const DEFAULT_OPTIONS: CheapestOptions = {
  by: 'reservation',
  minDomains: [],
  headroomShare: 0,
  headroomNodes: 0,
  minSaving: { micros: 1 },
};

/** A cluster at one moment, as far as a plan depends on it. */
export interface Snapshot {
  readonly currency: string;
  readonly nodes: readonly SnapshotNode[];
  readonly containers: readonly SnapshotContainer[];
  /** Sets of nodes that are refused to some containers, by ID, with the reason. */
  readonly refusals: readonly (readonly (readonly [nodeId: string, why: string])[])[];
  /** Nodes with a host address that some port asks for. */
  readonly addresses: readonly (readonly [ip: string, nodeIds: readonly string[]])[];
  /** Nodes with an image, by reference: those that affinities may mean. */
  readonly images: readonly (readonly [reference: string, nodeIds: readonly string[]])[];
  /** By node's row: nodes of one provider, region and zone have the same number. */
  readonly places: readonly number[];
  /** What a gigabyte costs from one place to another, in millionths; 0 where nobody says. Rows without any traffic to count may be empty. */
  readonly egressMicrosPerGb: readonly (readonly number[])[];
  readonly filters: readonly string[];
  readonly overcommit: number;
  /** Moves that were found impossible, as `key nodeId`. */
  readonly forbidden: readonly string[];
  readonly options: CheapestOptions;
}
