import { combSpots, DENSE, type Pitch, ROOMY, type Spot } from './grid.ts';

export interface PlacedNode {
  readonly id: string;
  readonly name: string;
  /** Failure domain, the widest part first; empty when nodes have none. */
  readonly domain: readonly string[];
}

export interface Box extends Spot {
  readonly width: number;
  readonly height: number;
}

/** A failure domain on the map; `x` and `y` are its upper left corner. */
export interface Group extends Box {
  readonly path: readonly string[];
  /** Its own part of the path; those of outer domains that hold nothing else are in front. */
  readonly label: string;
  readonly nodes: readonly string[];
  readonly isLeaf: boolean;
}

export interface Layout {
  readonly spots: ReadonlyMap<string, Spot>;
  /** The widest first. */
  readonly groups: readonly Group[];
  readonly bounds: Box;
}

interface Block {
  readonly width: number;
  readonly height: number;
  place(x: number, y: number): void;
}

/** One attempt at a layout. */
interface Draft {
  /** How wide domains are in relation to their height. */
  readonly inner: number;
  readonly pitch: Pitch;
  readonly spots: Map<string, Spot>;
  readonly groups: Group[];
}

const PADDING = 0.34;
const LABEL = 0.66;
const GAP = 0.5;
/** From the middle of an outer comb to the edge of its island. */
const SIDE = 1.1;
const BELOW = 0.98;
const INNER_ASPECTS = [0.75, 1, 1.35, 1.8, 2.6];
/** So many nodes have room for names between them. */
const MOST_ROOMY = 90;
/** Another shape of domains must be so much better than the one that people are used to. */
const WORTH_IT = 0.85;

/** Places the combs of each failure domain together. It remembers where combs were: one that comes or goes moves no other of its domain. */
export class Layouter {
  readonly #slots = new Map<string, Map<string, number>>();
  #inner = 0;

  /** All nodes, on a map that is `aspect` times as wide as high. */
  layout(nodes: readonly PlacedNode[], aspect: number): Layout {
    const pitch = nodes.length <= MOST_ROOMY ? ROOMY : DENSE;
    const drafts = INNER_ASPECTS.map((inner) => {
      const draft: Draft = { inner, pitch, spots: new Map(), groups: [] };
      const root = this.#block(nodes, 0, aspect, draft);
      const size = Math.max(root.width / aspect, root.height);
      return { ...draft, root, size: inner === this.#inner ? size * WORTH_IT : size };
    });
    const best = drafts.reduce((a, b) => (b.size < a.size ? b : a));
    this.#inner = best.inner;
    const { root, spots, groups } = best;
    root.place(0, 0);
    groups.sort((a, b) => a.path.length - b.path.length);
    return { spots, groups, bounds: { x: 0, y: 0, width: root.width, height: root.height } };
  }

  #block(nodes: readonly PlacedNode[], above: number, aspect: number, draft: Draft): Block {
    const { depth, parts } = divided(nodes, above);
    if (!parts) {
      const path = nodes[0]?.domain ?? [];
      return framed(this.#island(nodes, path, aspect, draft), { nodes, path, above, isLeaf: true }, draft);
    }
    const blocks = [...parts]
      .sort(([a], [b]) => compareNames(a, b))
      .map(([, members]) => {
        return this.#block(members, depth, draft.inner, draft);
      });
    const path = nodes[0]?.domain.slice(0, depth) ?? [];
    const inner = shelves(blocks, aspect);
    return depth === above ? inner : framed(inner, { nodes, path, above, isLeaf: false }, draft);
  }

  #island(nodes: readonly PlacedNode[], path: readonly string[], aspect: number, { pitch, spots }: Draft): Block {
    const slots = this.#slotsOf(path, nodes, aspect, pitch);
    const most = Math.max(...slots.values()) + 1;
    const places = combSpots(most, aspect, pitch);
    const used = nodes.map(({ id }) => [id, places[slots.get(id) ?? 0] ?? { x: 0, y: 0 }] as const);
    const left = Math.min(...used.map(([, { x }]) => x)) - SIDE;
    const top = Math.min(...used.map(([, { y }]) => y)) - BELOW;
    const right = Math.max(...used.map(([, { x }]) => x)) + SIDE;
    const bottom = Math.max(...used.map(([, { y }]) => y)) + BELOW + (pitch === ROOMY ? 0.25 : 0);
    return {
      width: right - left,
      height: bottom - top,
      place: (x, y) => {
        for (const [id, spot] of used) spots.set(id, { x: x + spot.x - left, y: y + spot.y - top });
      },
    };
  }

  /** At first in the order one reads; what comes later takes the next free place. */
  #slotsOf(
    path: readonly string[],
    nodes: readonly PlacedNode[],
    aspect: number,
    pitch: Pitch,
  ): ReadonlyMap<string, number> {
    const key = JSON.stringify([path, aspect.toFixed(2), pitch.column]);
    const known = this.#slots.get(key);
    if (!known) {
      const order = combSpots(nodes.length, aspect, pitch)
        .map((spot, slot) => ({ ...spot, slot }))
        .sort((a, b) => Math.round((a.y - b.y) / (pitch.row * 0.75)) || a.x - b.x);
      const sorted = [...nodes].sort((a, b) => compareNames(a.name, b.name));
      const slots = new Map(sorted.map(({ id }, at) => [id, order[at]?.slot ?? at]));
      this.#slots.set(key, slots);
      return slots;
    }
    const present = new Set(nodes.map(({ id }) => id));
    for (const id of known.keys()) if (!present.has(id)) known.delete(id);
    const taken = new Set(known.values());
    let next = 0;
    for (const { id } of nodes) {
      if (known.has(id)) continue;
      while (taken.has(next)) next += 1;
      known.set(id, next);
      taken.add(next);
    }
    return known;
  }
}

/** With a frame around it, and room for the name of its domain, if that has one. */
function framed(
  inner: Block,
  {
    nodes,
    path,
    above,
    isLeaf,
  }: { nodes: readonly PlacedNode[]; path: readonly string[]; above: number; isLeaf: boolean },
  { groups }: Draft,
): Block {
  const label = path.slice(above).join(' · ');
  const room = label === '' ? 0 : LABEL;
  const [width, height] = [inner.width + PADDING * 2, inner.height + PADDING * 2 + room];
  return {
    width,
    height,
    place: (x, y) => {
      groups.push({ path, label, isLeaf, nodes: nodes.map(({ id }) => id), x, y, width, height });
      inner.place(x + PADDING, y + PADDING + room);
    },
  };
}

/** The first depth at which nodes are in different domains, and those; without parts when all are in one. */
function divided(
  nodes: readonly PlacedNode[],
  above: number,
): { depth: number; parts?: ReadonlyMap<string, readonly PlacedNode[]> } {
  for (let depth = above; ; depth++) {
    const parts = partsOf(nodes, depth);
    if (parts.size > 1) return { depth, parts };
    if (parts.size === 0 || parts.has('')) return { depth };
  }
}

/** By the part of their domain at a depth. Browsers of two years ago have no `Map.groupBy`. */
function partsOf(nodes: readonly PlacedNode[], depth: number): ReadonlyMap<string, readonly PlacedNode[]> {
  const parts = new Map<string, PlacedNode[]>();
  for (const node of nodes) {
    const name = node.domain[depth] ?? '';
    const part = parts.get(name);
    if (part) part.push(node);
    else parts.set(name, [node]);
  }
  return parts;
}

const collator = new Intl.Collator(undefined, { numeric: true });

export function compareNames(a: string, b: string): number {
  return collator.compare(a, b);
}

/** Blocks side by side in rows, so wide that the whole has about the `aspect` asked for. */
function shelves(blocks: readonly Block[], aspect: number): Block {
  const widest = Math.max(...blocks.map(({ width }) => width));
  const area = blocks.reduce((sum, { width, height }) => sum + (width + GAP) * (height + GAP), 0);
  const tries = [0.7, 0.8, 0.9, 1, 1.1, 1.25, 1.45, 1.7, 2.1].map((factor) =>
    rowsOf(blocks, Math.max(widest, Math.sqrt(area * aspect) * factor)),
  );
  const size = (each: Rows): number => Math.max(each.width / aspect, each.height);
  const { rows, width, height } = tries.reduce((a, b) => (size(b) < size(a) ? b : a));
  return {
    width,
    height,
    place: (x, y) => {
      let top = y;
      for (const row of rows) {
        let left = x + (width - row.width) / 2;
        for (const block of row.blocks) {
          block.place(left, top);
          left += block.width + GAP;
        }
        top += row.height + GAP;
      }
    },
  };
}

interface Row {
  readonly blocks: Block[];
  width: number;
  height: number;
}

interface Rows {
  readonly rows: readonly Row[];
  readonly width: number;
  readonly height: number;
}

function rowsOf(blocks: readonly Block[], limit: number): Rows {
  const rows: Row[] = [];
  for (const block of blocks) {
    const last = rows.at(-1);
    if (last && last.width + GAP + block.width <= limit) {
      last.blocks.push(block);
      last.width += GAP + block.width;
      last.height = Math.max(last.height, block.height);
    } else {
      rows.push({ blocks: [block], width: block.width, height: block.height });
    }
  }
  return {
    rows,
    width: Math.max(...rows.map(({ width }) => width)),
    height: rows.reduce((sum, { height }) => sum + height + GAP, -GAP),
  };
}
