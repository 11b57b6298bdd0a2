import type { Spot } from './grid.ts';
import type { Pick } from './pick.ts';

export type Candidate = readonly [Pick, Spot];

/** The nearest place. */
export function nearest(from: Spot, candidates: readonly Candidate[]): Pick | undefined {
  let best: readonly [Pick, number] | undefined;
  for (const [pick, { x, y }] of candidates) {
    const far = Math.hypot(x - from.x, y - from.y);
    if (!best || far < best[1]) best = [pick, far];
  }
  return best?.[0];
}

/** The nearest place in a direction, those straight ahead before others. */
export function nearestTowards(from: Spot, candidates: readonly Candidate[], dx: number, dy: number): Pick | undefined {
  let best: readonly [Pick, number] | undefined;
  for (const [pick, { x, y }] of candidates) {
    const along = (x - from.x) * dx + (y - from.y) * dy;
    const aside = Math.abs((x - from.x) * dy - (y - from.y) * dx);
    if (along <= 1e-6 || aside > along * 2) continue;
    const far = along + aside * 1.5;
    if (!best || far < best[1]) best = [pick, far];
  }
  return best?.[0];
}
