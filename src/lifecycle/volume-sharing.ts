import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { VolumeMoves } from '../volumes/volume-moves.ts';

/** So many containers move as one at most: their records change in one write, and stores have bounds on that. */
export const MOST_TOGETHER = 16;

/** Which containers use the same volumes of their node, directly or through others: their volumes move when all of them do. Reads each node once. */
export class VolumeSharing {
  readonly #moves: Pick<VolumeMoves, 'summaryOf'>;
  readonly #nodes = new Map<Node, ReadonlyMap<Container, readonly Container[]>>();

  constructor(moves: Pick<VolumeMoves, 'summaryOf'>) {
    this.#moves = moves;
  }

  /** The others; none for one that shares nothing. */
  with(container: Container): readonly Container[] {
    const { node } = container;
    const groups = this.#nodes.get(node) ?? this.#read(node);
    this.#nodes.set(node, groups);
    return (groups.get(container) ?? []).filter((each) => each !== container);
  }

  #read(node: Node): ReadonlyMap<Container, readonly Container[]> {
    const groups = new Map<Container, Container[]>();
    const firstUsers = new Map<string, Container>();
    for (const container of node.containers.values()) {
      for (const { Type, Name = '' } of container.entry().Mounts ?? []) {
        if (Type !== 'volume' || Name === '' || this.#moves.summaryOf(Name, node)?.Scope === 'global') continue;
        const first = firstUsers.get(Name);
        if (first === undefined) firstUsers.set(Name, container);
        else join(groups, first, container);
      }
    }
    return groups;
  }
}

function join(groups: Map<Container, Container[]>, one: Container, other: Container): void {
  const a = groups.get(one) ?? [one];
  const b = groups.get(other) ?? [other];
  if (a === b) {
    groups.set(one, a);
    return;
  }
  const all = a.includes(other) ? a : [...a, ...b];
  for (const each of all) groups.set(each, all);
}
