import type { EngineInfo } from '../engine/types.ts';

/** A node that was seen: who it is, and where. */
export interface NodeRecord {
  /** As in the model: the engine's own, or one that tells clones apart. */
  readonly id: string;
  /** The discovery entry it was last reached by. */
  readonly entry: string;
  /** What its engine said of itself, as far as it does not change from day to day. */
  readonly info: EngineInfo;
  /** When it was reached for the first time, RFC 3339; unknown for records of earlier versions. */
  readonly seenAt?: string | undefined;
  /** When and why it was no longer found; undefined while it is in the cluster. `isLost`: it did not answer then, or is no more. */
  readonly left?: { readonly at: string; readonly why: string; readonly isLost?: boolean } | undefined;
}

const LASTING = [
  'ID',
  'Name',
  'Labels',
  'NCPU',
  'MemTotal',
  'ServerVersion',
  'OperatingSystem',
  'KernelVersion',
  'OSType',
  'Architecture',
  'Driver',
  'Enxame',
] as const satisfies readonly (keyof EngineInfo)[];

/** What is kept of an engine's answer: enough to show it and to plan around it. */
export function lastingInfo(info: EngineInfo): EngineInfo {
  return Object.fromEntries(LASTING.map((key) => [key, info[key]])) as unknown as EngineInfo;
}
