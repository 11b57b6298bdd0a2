import type { DriverError } from '../errors.ts';
import { type Env, met, type Need, unmet, variableOf } from '../needs.ts';
import type { DriverOption } from '../options.ts';

/** Where a driver finds one credential when no flag gives it. */
export interface TokenPlaces {
  /** What it is for lists; default `credentials`. */
  readonly what?: string;
  readonly options: readonly DriverOption[];
  /** The option whose variables come first. */
  readonly flag: string;
  readonly env: Env;
  /** The provider's own program, whose file comes next: `hcloud`. */
  readonly tool: string;
  /** Reads that file; rejects with `BAD_CREDENTIALS` when there is nothing in it. */
  readonly find: () => Promise<string>;
  /** What to do when it is nowhere. */
  readonly advice: string;
}

/** Whether a credential is there, found as the driver finds it. */
export async function tokenNeed(places: TokenPlaces): Promise<Need> {
  const { what = 'credentials', options, flag, env, tool, find, advice } = places;
  const variable = variableOf(options, flag, env);
  if (variable !== undefined) return met(what, variable);
  try {
    await find();
    return met(what, `${tool}'s`);
  } catch (error) {
    const isAbsent = (error as DriverError).code === 'BAD_CREDENTIALS';
    return unmet(what, isAbsent ? advice : `${tool}'s file cannot be read; ${advice}`);
  }
}
