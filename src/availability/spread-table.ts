import type { PlannedNode } from './plan.ts';

/** A node as the spread sees it. */
export interface BalanceNode extends PlannedNode {
  /** Its failure domains, the widest first. */
  readonly domains: readonly string[];
  /** It is healthy and active, and meant. */
  readonly takes: boolean;
  readonly totalMemoryBytes: number;
  readonly totalNanoCpus: number;
  readonly reservedMemoryBytes: number;
  readonly reservedNanoCpus: number;
  readonly containerCount: number;
}

/** A member of a service, wherever it is and whether it may move or not. */
export interface BalanceMember {
  readonly group: string;
  readonly nodeId: string;
}

/** What a container reserves, and of which service it is. */
interface Weight {
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly group?: string;
}

interface Row {
  readonly node: BalanceNode;
  /** One for each level of domains, then the node's own. */
  readonly places: readonly string[];
  memoryBytes: number;
  nanoCpus: number;
  count: number;
}

/** How services and containers are spread at present, and would be: kept up to date with the moves that are planned. */
export class SpreadTable {
  readonly #rows = new Map<string, Row>();
  /** Members of services by `group place`. */
  readonly #counts = new Map<string, number>();
  /** Of the nodes that take containers; undefined after a move. */
  #least: { readonly count: number; readonly fill: number } | undefined;

  constructor(nodes: readonly BalanceNode[], members: readonly BalanceMember[]) {
    for (const node of nodes) {
      const { domains, reservedMemoryBytes: memoryBytes, reservedNanoCpus: nanoCpus, containerCount: count } = node;
      const places = [...domains.map((_, level) => domains.slice(0, level + 1).join('\0')), `node ${node.id}`];
      this.#rows.set(node.id, { node, places, memoryBytes, nanoCpus, count });
    }
    for (const { group, nodeId } of members) this.#add(group, nodeId, 1);
  }

  /** Whether the spread of a service is better with one of it on `to` instead of `from`: at the widest level where that changes anything. */
  improves(group: string, from: string, to: string): boolean {
    return this.#compare(group, from, to) > 0;
  }

  worsens(group: string, from: string, to: string): boolean {
    return this.#compare(group, from, to) < 0;
  }

  /** Whether some node that takes containers would be better for a member on `from`. */
  isUneven(group: string, from: string): boolean {
    const places = this.#rows.get(from)?.places ?? [];
    // Alone in each of its domains it is nowhere better.
    if (places.every((place) => this.#count(group, place) < 2)) return false;
    for (const { node } of this.#rows.values())
      if (node.takes && node.id !== from && this.improves(group, from, node.id)) return true;
    return false;
  }

  /** Whether a node has clearly more than one that takes containers. */
  isCrowded(id: string): boolean {
    const row = this.#rows.get(id);
    this.#least ??= this.#emptiest();
    return row !== undefined && (row.count - this.#least.count >= 2 || fill(row) > this.#least.fill);
  }

  #emptiest(): { readonly count: number; readonly fill: number } {
    const rows = [...this.#rows.values()].filter(({ node }) => node.takes);
    const least = (of: (row: Row) => number): number =>
      rows.reduce((smallest, row) => Math.min(smallest, of(row)), Number.POSITIVE_INFINITY);
    return { count: least(({ count }) => count), fill: least(fill) };
  }

  /** The larger, the fuller is the node. */
  rank(id: string): number {
    const row = this.#rows.get(id);
    return row ? fill(row) * 1e6 + row.count : 0;
  }

  /** How much less full, and by how many containers emptier, the other node is with the container than its own is now. */
  gain(from: string, to: string, weight: Weight): { readonly fill: number; readonly count: number } {
    const [own, other] = [this.#rows.get(from), this.#rows.get(to)];
    if (!own || !other) return { fill: 0, count: 0 };
    const then = {
      ...other,
      memoryBytes: other.memoryBytes + weight.memoryBytes,
      nanoCpus: other.nanoCpus + weight.nanoCpus,
    };
    return { fill: fill(own) - fill(then), count: own.count - (other.count + 1) };
  }

  move(from: string, to: string, weight: Weight): void {
    this.#least = undefined;
    for (const [id, sign] of [
      [from, -1],
      [to, 1],
    ] as const) {
      const row = this.#rows.get(id);
      if (!row) continue;
      row.memoryBytes += sign * weight.memoryBytes;
      row.nanoCpus += sign * weight.nanoCpus;
      row.count += sign;
      if (weight.group !== undefined) this.#add(weight.group, id, sign);
    }
  }

  /**
   * Positive when better. With n members in the one place and m in the other a move makes the sum of squares smaller when n is larger by two, and
   * leaves it when by one: then the next level decides.
   */
  #compare(group: string, from: string, to: string): number {
    const places = this.#rows.get(from)?.places ?? [];
    const others = this.#rows.get(to)?.places ?? [];
    for (const [level, place] of places.entries()) {
      const other = others[level] ?? '';
      if (place === other) continue;
      const difference = this.#count(group, place) - this.#count(group, other);
      if (difference !== 1) return difference > 1 ? 1 : -1;
    }
    return 0;
  }

  #count(group: string, place: string): number {
    return this.#counts.get(`${group} ${place}`) ?? 0;
  }

  #add(group: string, nodeId: string, count: number): void {
    for (const place of this.#rows.get(nodeId)?.places ?? [])
      this.#counts.set(`${group} ${place}`, this.#count(group, place) + count);
  }
}

function fill({ node, memoryBytes, nanoCpus }: Row): number {
  return share(memoryBytes, node.totalMemoryBytes) + share(nanoCpus, node.totalNanoCpus);
}

function share(used: number, total: number): number {
  return total > 0 ? used / total : 0;
}
