import { UsageError } from '../../common/errors.ts';
import { affinityFilter } from './affinity.ts';
import { constraintFilter } from './constraint.ts';
import { containerSlotsFilter } from './container-slots.ts';
import { dependencyFilter } from './dependency.ts';
import type { Filter } from './filter.ts';
import { healthFilter } from './health.ts';
import { hostAddressFilter } from './host-address.ts';
import { portFilter } from './port.ts';
import { excludedFilter, homeFilter, pausedFilter, platformFilter } from './requirements.ts';
import { spotFilter } from './spot.ts';
import { whitelistFilter } from './whitelist.ts';

/** The filters `--filter` chooses from, in the order they run. */
const SELECTABLE: readonly Filter[] = [
  healthFilter,
  portFilter,
  containerSlotsFilter,
  dependencyFilter,
  affinityFilter,
  constraintFilter,
  whitelistFilter,
];

/** What the manager itself requires of a node; always on, next to the chosen filters. */
export const REQUIREMENTS: readonly Filter[] = [
  pausedFilter,
  excludedFilter,
  platformFilter,
  homeFilter,
  hostAddressFilter,
  spotFilter,
];

/** Names for help texts and `docker info`, in order. */
export const FILTER_NAMES: readonly string[] = SELECTABLE.map((filter) => filter.name);

/** The filters with these names, in their fixed order; all of them when none is named. Throws {@link UsageError}. */
export function selectFilters(names?: readonly string[]): readonly Filter[] {
  if (names === undefined || names.length === 0) return SELECTABLE;
  const unknown = names.find((name) => !FILTER_NAMES.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(`Unknown filter '${unknown}': use one of ${FILTER_NAMES.join(', ')}`);
  }
  return SELECTABLE.filter((filter) => names.includes(filter.name));
}
