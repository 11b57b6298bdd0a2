import type { Node } from '../cluster/node.ts';

/** Small numbers that stand for nodes in rows. A number is never given twice. */
export class NodeNumbers {
  readonly #numbers = new WeakMap<Node, number>();
  #last = 0;

  of(node: Node): number {
    const known = this.#numbers.get(node);
    if (known !== undefined) return known;
    this.#last += 1;
    this.#numbers.set(node, this.#last);
    return this.#last;
  }
}
