import type { FloorName } from '../floor/floors.ts';
import type { Measured } from '../measure/measure.ts';

/** One operation at one number of clients: the manager beside the floors of the same run. */
export interface Row {
  readonly operation: string;
  readonly clients: number;
  /** Absent when only the floors were measured. */
  readonly manager?: Measured;
  readonly floors: Readonly<Partial<Record<FloorName, Measured>>>;
}

/** One figure that is no operation: memory, seconds until something shows. */
export interface Fact {
  readonly name: string;
  /** Null when it never happened. */
  readonly value: number | null;
  readonly unit: string;
  /** The same figure of a floor of this run. */
  readonly floor?: number;
  readonly remark?: string;
}

/** The manager's use of resources at one moment of a long run. */
export interface Sample {
  readonly seconds: number;
  readonly residentMb: number;
  readonly descriptors: number;
}

/** Where a run took place. */
export interface Environment {
  readonly when: string;
  readonly node: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
}

/** What one part of the benchmark found. */
export interface PartResult {
  readonly part: string;
  readonly nodes: number;
  readonly containers: number;
  readonly tls: boolean;
  /** Command template of the manager. */
  readonly manager: string;
  readonly environment: Environment;
  readonly rows: readonly Row[];
  readonly facts: readonly Fact[];
  readonly samples?: readonly Sample[];
}
