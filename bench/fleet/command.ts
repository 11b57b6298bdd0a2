import type { Fault } from '../../simulator/fault.ts';
import type { Population } from '../../simulator/population.ts';
import type { EngineTls } from '../tls/material.ts';

/** What a worker of the fleet can be told. Nodes are counted from 0 over the whole fleet. */
export type FleetCommand =
  /** Starts the engines of nodes `from` (included) to `to` (excluded); answers their `host:port`. */
  | {
      readonly kind: 'start';
      readonly population: Population;
      readonly from: number;
      readonly to: number;
      readonly tls?: EngineTls;
    }
  | { readonly kind: 'fault'; readonly nodes: readonly number[]; readonly fault: Fault }
  /** Starts, stops, creates and removes containers at this rate until told otherwise; 0 stops. */
  | { readonly kind: 'churn'; readonly operationsPerSecond: number }
  /** Emits numbered events that change no state, round robin over the worker's nodes; answers when all are out. */
  | { readonly kind: 'emit'; readonly from: number; readonly count: number; readonly perSecond: number }
  /** Answers what the engines hold: `id state` of every container, by node. */
  | { readonly kind: 'dump' }
  | { readonly kind: 'counters' };

/** Work a worker has done since it started. */
export interface FleetCounters {
  readonly requests: number;
  readonly openConnections: number;
  readonly eventSubscribers: number;
  readonly churnOperations: number;
}

/** Attribute that numbers the events of `emit`. */
export const SERIAL_ATTRIBUTE = 'bench.serial';
/** Their action: one that real engines emit all day and that changes no container. */
export const EMITTED_ACTION = 'exec_create: /bin/true';
