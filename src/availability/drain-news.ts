import type { Notice } from '../notify/notice.ts';
import type { Plan, PlannedNode, PlannedStay } from './plan.ts';

/** Containers named in a notice. */
const MOST_NAMED = 5;

/** Tells operators of drains: once that one has begun, once that all has moved that may, and what stays. */
export class DrainNews {
  readonly #tell: (notice: Notice) => void;
  /** By the node's ID. */
  readonly #told = new Map<string, 'asked' | 'begun' | 'done'>();

  /** @param tell does not wait */
  constructor(tell: (notice: Notice) => void) {
    this.#tell = tell;
  }

  /** An operator wants the node empty: what comes of it is told also when nothing has to move. */
  asked({ id }: PlannedNode): void {
    if (!this.#told.has(id)) this.#told.set(id, 'asked');
  }

  /** @param drained all nodes that are drained at present @param plan for these; undefined when they hold nothing */
  planned(drained: readonly PlannedNode[], plan: Plan | undefined): void {
    const ids = new Set(drained.map(({ id }) => id));
    for (const id of this.#told.keys()) if (!ids.has(id)) this.#told.delete(id);
    for (const node of drained) {
      const moves = plan?.moves.filter(({ from }) => from.id === node.id).length ?? 0;
      const stays = plan?.stays.filter((stay) => stay.node.id === node.id) ?? [];
      const told = this.#told.get(node.id);
      if (moves > 0 && told !== 'begun') this.#begun(node, moves, stays);
      else if (moves === 0 && (told === 'begun' || told === 'asked')) this.#done(node, stays);
    }
  }

  #begun({ id, name }: PlannedNode, moves: number, stays: readonly PlannedStay[]): void {
    this.#told.set(id, 'begun');
    const text = `drain of node ${name} begins: ${moves} to move, ${stays.length} to stay`;
    this.#tell({ event: 'drain-begun', text, node: name, why: staysText(stays) });
  }

  #done({ id, name }: PlannedNode, stays: readonly PlannedStay[]): void {
    this.#told.set(id, 'done');
    const why = staysText(stays);
    const text = `drain of node ${name} is done: ${why === '' ? 'nothing stays' : `${why}`}`;
    this.#tell({ event: 'drain-done', text, node: name, why });
  }
}

/** Empty when nothing does. */
function staysText(stays: readonly PlannedStay[]): string {
  const named = stays.slice(0, MOST_NAMED).map(({ container, why }) => `${container.name} stays (${why})`);
  const more = stays.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more`] : [])].join(', ');
}
