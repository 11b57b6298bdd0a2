import type { NodeName } from './containers.ts';
import type { Availability } from './stream.ts';

/** A kind of plan that this manager can make. */
export interface PlanKind {
  /** `drain`, `drill`, `failover`; `rebalance`, `cheapest` and others where the manager has them. */
  readonly kind: string;
  /** What it is asked with: nodes (`?node=ID`, as often as needed), or nothing. */
  readonly takes: 'nodes' | 'nothing';
  /** Whether it can be applied from here; a page that may not act shows it all the same. */
  readonly canApply: boolean;
}

/** What would be done. */
export interface PlanView {
  readonly kind: string;
  /** Of this very plan: `apply` names it, so that what is confirmed is what is done. */
  readonly digest: string;
  /** The nodes it is about. */
  readonly nodes: readonly NodeName[];
  readonly moves: readonly {
    readonly container: NodeName;
    readonly from: NodeName;
    readonly to: NodeName;
    readonly how: 'replace' | 'start-first' | 'stop-first';
    readonly why: string;
    readonly loses: readonly string[];
    /** Volumes whose content is copied along; null bytes where the engine did not tell. */
    readonly copies: readonly { readonly volume: string; readonly bytes: number | null }[];
    /** Estimates; null where nothing is known. */
    readonly durationMs: number | null;
    readonly downtimeMs: number | null;
  }[];
  readonly stays: readonly {
    readonly container: NodeName;
    readonly node: NodeName;
    readonly why: string;
    /** It would not run. */
    readonly waits: boolean;
  }[];
  /** Machines that come or go; empty for plans that leave machines alone. */
  readonly machines: readonly {
    readonly change: 'add' | 'remove' | 'keep';
    readonly name: string;
    readonly type: string;
    readonly domains: readonly string[];
    readonly hourly: Money | null;
  }[];
  /** Null where the plan is not about money. */
  readonly cost: { readonly before: Money; readonly after: Money; readonly unit: 'hour' | 'month' } | null;
  /** Why the failover would move nothing; null when it would not hold, or does not concern this plan. */
  readonly brake: string | null;
  /** What a person should know. */
  readonly notes: readonly string[];
}

export interface Money {
  /** A decimal number as text (`12.3400`): no binary rounding. */
  readonly amount: string;
  /** ISO 4217; empty where a price was given without one. */
  readonly currency: string;
}

export interface ApplyBody {
  /** As in the answer that was confirmed. */
  readonly digest: string;
  readonly nodes?: readonly string[];
}

export interface AvailabilityBody {
  readonly availability: Availability;
}

export interface Bill {
  readonly at: number;
  readonly unit: 'hour' | 'month';
  /** One for each currency. */
  readonly total: readonly Money[];
  /** The part of it that no container reserves. */
  readonly idle: readonly Money[];
  readonly nodes: readonly (NodeName & {
    readonly type: string;
    readonly domains: readonly string[];
    /** The part of it that is reserved, 0 to 1. */
    readonly reserved: number;
    /** Null where the price is not known: then `source` says why. */
    readonly cost: Money | null;
    /** Where the price comes from, and of when. */
    readonly source: string;
  })[];
  /** Shares of projects and services, by what they reserve. */
  readonly shares: readonly { readonly name: string; readonly cost: Money }[];
  readonly notes: readonly string[];
}
