import type { Node } from '../cluster/node.ts';

/**
 * Which nodes may have endpoints in a network. Engines tell so in `connect` events; a listing tells what came before. May
 * name too many, never too few.
 */
export class Participants {
  readonly #nodes = new Map<string, Set<Node>>();

  add(networkId: string, node: Node): void {
    const nodes = this.#nodes.get(networkId) ?? new Set();
    nodes.add(node);
    this.#nodes.set(networkId, nodes);
  }

  /** The engine said that it does not know the network. */
  remove(networkId: string, node: Node): void {
    const nodes = this.#nodes.get(networkId);
    nodes?.delete(node);
    if (nodes?.size === 0) this.#nodes.delete(networkId);
  }

  forgetNode(node: Node): void {
    for (const networkId of [...this.#nodes.keys()]) this.remove(networkId, node);
  }

  forgetNetwork(networkId: string): void {
    this.#nodes.delete(networkId);
  }

  of(networkId: string): readonly Node[] {
    return [...(this.#nodes.get(networkId) ?? [])];
  }
}
