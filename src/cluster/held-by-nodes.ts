import { isDeepStrictEqual } from 'node:util';
import type { Node } from './node.ts';

/** One thing (network, volume) as the nodes that hold it describe it. */
export interface Held<S> {
  readonly key: string;
  readonly holders: ReadonlyMap<Node, S>;
}

/** What each node lists of one kind, merged by a key (a network's ID, a volume's name). One owner: the cluster. */
export class HeldByNodes<S> {
  readonly #keyOf: (summary: S) => string;
  readonly #perNode = new Map<Node, readonly S[]>();
  readonly #held = new Map<string, { key: string; holders: Map<Node, S> }>();
  #version = 0;

  constructor(keyOf: (summary: S) => string) {
    this.#keyOf = keyOf;
  }

  /** Grows with every change, so that a reader may keep what it derived. Listing the same again, in any order, is no change. */
  get version(): number {
    return this.#version;
  }

  /** Sets all that a node lists. */
  replace(node: Node, summaries: readonly S[]): void {
    if (this.#isSame(this.#perNode.get(node), summaries)) return;
    this.remove(node);
    this.#perNode.set(node, summaries);
    for (const summary of summaries) {
      const key = this.#keyOf(summary);
      const held = this.#held.get(key) ?? { key, holders: new Map<Node, S>() };
      held.holders.set(node, summary);
      this.#held.set(key, held);
    }
    this.#version += 1;
  }

  /** Forgets a node that left. */
  remove(node: Node): void {
    const listed = this.#perNode.get(node);
    if (!listed) return;
    for (const summary of listed) {
      const held = this.#held.get(this.#keyOf(summary));
      held?.holders.delete(node);
      if (held?.holders.size === 0) this.#held.delete(held.key);
    }
    this.#perNode.delete(node);
    this.#version += 1;
  }

  get(key: string): Held<S> | undefined {
    return this.#held.get(key);
  }

  /** Everything held by anybody, whatever the nodes' state. */
  list(): IterableIterator<Held<S>> {
    return this.#held.values();
  }

  /** What one node lists. */
  of(node: Node): readonly S[] {
    return this.#perNode.get(node) ?? [];
  }

  #isSame(before: readonly S[] | undefined, after: readonly S[]): boolean {
    if (before?.length !== after.length) return false;
    const byKey = new Map(before.map((summary) => [this.#keyOf(summary), summary] as const));
    return after.every((summary) => isDeepStrictEqual(byKey.get(this.#keyOf(summary)), summary));
  }
}
