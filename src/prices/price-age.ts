import { formatDuration } from '../common/duration.ts';
import type { NodePrice } from './price.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** How long prices are taken for today's. Those of spot machines change within hours, others a few times a year. */
export const OLD_MS: number = 30 * DAY_MS;
export const OLD_SPOT_MS: number = DAY_MS;

/** What to say of prices that are old, or have a date to come: one line for each source. */
export function oldPrices(prices: readonly NodePrice[], nowMs: number): readonly string[] {
  const told = new Map<string, string>();
  for (const { source, isSpot } of prices) {
    if (source.asOf === undefined) continue;
    const name = source.kind === 'list' ? `the ${source.name}` : source.name.replace(/:\d+$/, '');
    const ageMs = nowMs - Date.parse(source.asOf);
    // The date of a file begins half a day earlier in the east.
    if (ageMs < -DAY_MS)
      told.set(`coming ${name}`, `the prices in ${name} are of ${source.asOf}, which has not come yet: check the date`);
    if (ageMs <= (isSpot ? OLD_SPOT_MS : OLD_MS)) continue;
    const what = isSpot ? 'spot prices' : 'prices';
    const remedy =
      source.kind === 'list' ? "run 'enxame prices update'" : 'check them, and change the date of the file';
    told.set(`${what} ${name}`, `the ${what} in ${name} are ${ageWords(ageMs)} old: ${remedy}`);
  }
  return [...told.values()];
}

/** `3 days`, `5h`, `now`. */
export function ageWords(ageMs: number): string {
  if (ageMs >= 2 * DAY_MS) return `${Math.floor(ageMs / DAY_MS)} days`;
  if (ageMs < 60_000) return 'less than a minute';
  return formatDuration(Math.floor(ageMs / 60_000) * 60_000);
}
