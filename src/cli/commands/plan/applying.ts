import type { Command } from 'commander';
import type { CheapestPlan } from '../../../cheapest/cheapest-plan.ts';
import type { CommandContext } from '../../command.ts';
import type { ManagerClient, ManagerFlags } from '../../manager-client.ts';
import type { PriceFlags } from '../../price-flags.ts';
import type { Headroom } from './flags.ts';

/** How long a manager may take to make a plan, in milliseconds; it gives up after two minutes itself. */
export const PLAN_MS = 150_000;

/** Flags of `enxame plan cheapest`. */
export interface CheapestFlags extends ManagerFlags, PriceFlags {
  readonly by: 'reservation' | 'usage';
  readonly minDomains?: Readonly<Record<string, number>>;
  readonly headroom?: Headroom;
  readonly minSaving?: { readonly amount: number } | { readonly share: number };
  /** In milliseconds. */
  readonly stableFor?: number;
  readonly keep?: readonly string[];
  readonly fleet?: string;
  readonly apply?: boolean;
  readonly yes?: boolean;
  readonly format: 'table' | 'json';
}

export interface Applying {
  readonly flags: CheapestFlags;
  readonly command: Command;
  readonly context: CommandContext;
  readonly client: ManagerClient;
  readonly signal: AbortSignal;
  /** Makes the plan anew. */
  readonly ask: () => Promise<Asked>;
  readonly show: (plan: CheapestPlan) => void;
}

/** A plan, and what it was asked for with. */
export interface Asked {
  readonly body: object;
  readonly plan: CheapestPlan;
}
