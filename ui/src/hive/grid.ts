/** A place in world units: the circumradius of a comb is 1. */
export interface Spot {
  readonly x: number;
  readonly y: number;
}

export const ROOT3: number = Math.sqrt(3);
/** How far the centres of neighbouring combs are from each other. */
export interface Pitch {
  readonly column: number;
  readonly row: number;
}

/** Leaves room for the name of each. */
export const ROOMY: Pitch = { column: 1.92, row: ROOT3 + 0.42 };
/** For so many that names are read from near only. */
export const DENSE: Pitch = { column: 1.57, row: ROOT3 + 0.2 };

/** How many cells fit into a comb of `rings` rings around its middle. */
export function cellsIn(rings: number): number {
  return 3 * rings * (rings + 1) + 1;
}

/** The fewest rings that hold `count` cells; at least one. */
export function ringsFor(count: number): number {
  return Math.max(1, Math.ceil((Math.sqrt(12 * Math.max(1, count) - 3) - 3) / 6));
}

/** Circumradius of a cell in a comb of radius 1. */
export function cellRadius(rings: number): number {
  return Math.min(0.9 / (ROOT3 * (rings + 0.5)), 0.78 / (1.5 * rings + 1));
}

const SPIRAL: Spot[] = [];
let spiralRings = -1;

/** Middle of the cell at `slot`, with cells of radius 1 whose points are up; slots wind outwards. */
export function cellSpot(slot: number): Spot {
  while (SPIRAL.length <= slot) addRing();
  return SPIRAL[slot] ?? { x: 0, y: 0 };
}

const STEPS = [
  [-1, 1],
  [-1, 0],
  [0, -1],
  [1, -1],
  [1, 0],
  [0, 1],
] as const;

function addRing(): void {
  spiralRings += 1;
  if (spiralRings === 0) {
    SPIRAL.push({ x: 0, y: 0 });
    return;
  }
  let [q, r] = [spiralRings, 0];
  for (const [dq, dr] of STEPS) {
    for (let step = 0; step < spiralRings; step++) {
      SPIRAL.push({ x: ROOT3 * (q + r / 2), y: 1.5 * r });
      q += dq;
      r += dr;
    }
  }
}

/**
 * Places for combs, the nearest to the middle first, `aspect` times as wide as high. The first n are the same whatever their number: a comb that is
 * added moves no other.
 */
export function combSpots(count: number, aspect: number, pitch: Pitch): readonly Spot[] {
  const reach = Math.ceil(Math.sqrt(count * Math.max(aspect, 1 / aspect))) + 2;
  const spots: { x: number; y: number; far: number }[] = [];
  for (let column = -reach; column <= reach; column++) {
    for (let row = -reach; row <= reach; row++) {
      const x = column * pitch.column;
      const y = (row + (column & 1 ? 0.5 : 0)) * pitch.row;
      spots.push({ x, y, far: (x * x) / (aspect * aspect) + y * y });
    }
  }
  spots.sort((a, b) => a.far - b.far || a.y - b.y || a.x - b.x);
  return spots.slice(0, count);
}
