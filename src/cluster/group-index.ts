import { groupOf } from '../scheduler/groups.ts';

/** What is counted: a container, or a placement still pending. */
interface Member {
  readonly id: string;
  readonly nodeId: string;
  readonly labels: Readonly<Record<string, string>>;
}

const NOWHERE: ReadonlyMap<string, number> = new Map();

/** How many members of each group are on which nodes. */
export class GroupIndex {
  readonly #counts = new Map<string, Map<string, number>>();

  add(member: Member): void {
    const group = groupOf(member.labels);
    if (group === undefined) return;
    const counts = this.#counts.get(group) ?? new Map<string, number>();
    this.#counts.set(group, counts);
    counts.set(member.nodeId, (counts.get(member.nodeId) ?? 0) + 1);
  }

  remove(member: Member): void {
    const group = groupOf(member.labels);
    const counts = group === undefined ? undefined : this.#counts.get(group);
    if (group === undefined || counts === undefined) return;
    takeOne(counts, member.nodeId);
    if (counts.size === 0) this.#counts.delete(group);
  }

  /** Members by node ID; those in `without` do not count. */
  nodes(group: string, without: Iterable<Member>): ReadonlyMap<string, number> {
    const counts = this.#counts.get(group) ?? NOWHERE;
    const away = [...without].filter(({ labels }) => groupOf(labels) === group);
    if (away.length === 0) return counts;
    const left = new Map(counts);
    for (const { nodeId } of away) takeOne(left, nodeId);
    return left;
  }
}

function takeOne(counts: Map<string, number>, nodeId: string): void {
  const count = (counts.get(nodeId) ?? 0) - 1;
  if (count > 0) counts.set(nodeId, count);
  else counts.delete(nodeId);
}
