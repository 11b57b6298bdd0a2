import type { NodeName } from './containers.ts';

/** What was used over time: each point is a time in seconds since the epoch, then values in the order of the columns. */
export interface Series {
  readonly span: 'hour' | 'day';
  /** `time`, `cpus`, `memory` (bytes), `received`, `sent`, `read`, `written` (bytes a second). */
  readonly columns: readonly string[];
  readonly points: readonly (readonly number[])[];
}

export interface Usage {
  readonly cpus: number;
  readonly memory: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
}

export interface UsageAnswer {
  readonly intervalSeconds: number;
  readonly running: number;
  readonly nodes: readonly (Usage & NodeName & { readonly totalCpus: number; readonly totalMemory: number })[];
  readonly containers: readonly (Partial<Usage> &
    NodeName & { readonly node: string; readonly image: string; readonly memoryLimit: number })[];
}
