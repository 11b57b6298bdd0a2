import { BoundedSet } from '../common/bounded-set.ts';
import type { Container } from './container.ts';

/** Containers that were told of. */
const MAX_REMEMBERED = 4_096;

/**
 * Containers whose label claims an identity that no record gives them. Anyone with access to an engine can write that label, and it comes along
 * when a container is made from another's inspection: they go by their engines' own IDs.
 */
export class IdentityClaims {
  readonly #onRefused: ((container: Container) => void) | undefined;
  readonly #told = new BoundedSet<string>(MAX_REMEMBERED);

  constructor(onRefused?: (container: Container) => void) {
    this.#onRefused = onRefused;
  }

  /** Tells of a container that claims what it does not get, once. */
  refuse(container: Container): void {
    const { claimedId, engineId, node } = container;
    if (claimedId === engineId) return;
    const key = `${node.entry} ${engineId}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#onRefused?.(container);
  }
}
