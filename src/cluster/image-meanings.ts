import { parseReference } from '../common/image-reference.ts';
import type { Node } from './node.ts';

const NOBODY: ReadonlyMap<Node, string> = new Map();
/** Wishes kept for references nobody has at present (a node is away, a listing is late); the oldest go first. */
const MAX_PREFERENCES = 10_000;

/** What the nodes mean by image references (in familiar form), and which meaning was wanted last. */
export class ImageMeanings {
  readonly #references = new Map<string, Map<Node, string>>();
  /** Repository without tag → the familiar references in use. */
  readonly #repositories = new Map<string, Set<string>>();
  readonly #preferred = new Map<string, string>();

  /** Which image ID each node means by a reference. */
  of(reference: string): ReadonlyMap<Node, string> {
    return this.#references.get(reference) ?? NOBODY;
  }

  all(): IterableIterator<[reference: string, meanings: ReadonlyMap<Node, string>]> {
    return this.#references.entries();
  }

  /** The references in use of one repository. */
  inRepository(repository: string): Iterable<string> {
    return this.#repositories.get(repository) ?? [];
  }

  /** The image ID wanted last, whether or not anybody has it. */
  preferred(reference: string): string | undefined {
    return this.#preferred.get(reference);
  }

  /** False when it was the preferred one already. */
  prefer(reference: string, id: string): boolean {
    if (this.#preferred.get(reference) === id) return false;
    this.#preferred.delete(reference);
    this.#preferred.set(reference, id);
    for (const oldest of this.#preferred.keys()) {
      if (this.#preferred.size <= MAX_PREFERENCES) break;
      this.#preferred.delete(oldest);
    }
    return true;
  }

  add(reference: string, node: Node, id: string): void {
    const meanings = this.#references.get(reference) ?? new Map<Node, string>();
    this.#references.set(reference, meanings.set(node, id));
    const { repository } = parseReference(reference);
    this.#repositories.set(repository, (this.#repositories.get(repository) ?? new Set()).add(reference));
  }

  /** Forgets that the node means `id`; when it means something else by now, that stays. */
  remove(reference: string, node: Node, id: string): void {
    const meanings = this.#references.get(reference);
    if (meanings?.get(node) !== id) return;
    meanings.delete(node);
    if (meanings.size > 0) return;
    this.#references.delete(reference);
    const { repository } = parseReference(reference);
    const inUse = this.#repositories.get(repository);
    inUse?.delete(reference);
    if (inUse?.size === 0) this.#repositories.delete(repository);
  }
}
