import { parseReference } from '../common/image-reference.ts';
import type { Node } from './node.ts';

const NO_NODES: ReadonlyMap<Node, string> = new Map();
/** Preferences kept for references that no node has at present (a node is away, a listing is late); the oldest go first. */
const MAX_PREFERENCES = 10_000;

/** What the nodes mean by image references (in familiar form), and which meaning was wanted last. */
export class ImageMeanings {
  readonly #references = new Map<string, Map<Node, string>>();
  /** For each reference how many nodes mean each ID: mostly one ID, and then the nodes need not be walked. */
  readonly #counts = new Map<string, Map<string, number>>();
  /** Repository without tag → the familiar references in use. */
  readonly #repositories = new Map<string, Set<string>>();
  readonly #preferred = new Map<string, string>();

  /** Which image ID each node means by a reference. */
  of(reference: string): ReadonlyMap<Node, string> {
    return this.#references.get(reference) ?? NO_NODES;
  }

  /** The ID that all nodes mean, undefined when they disagree or none knows the reference. */
  unanimous(reference: string): string | undefined {
    const counts = this.#counts.get(reference);
    if (counts?.size !== 1) return undefined;
    for (const id of counts.keys()) return id;
    return undefined;
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
    const earlier = meanings.get(node);
    if (earlier === id) return;
    if (earlier !== undefined) this.#count(reference, earlier, -1);
    this.#count(reference, id, 1);
    this.#references.set(reference, meanings.set(node, id));
    const { repository } = parseReference(reference);
    this.#repositories.set(repository, (this.#repositories.get(repository) ?? new Set()).add(reference));
  }

  /** Forgets that the node means `id`; when it means something else by now, that stays. */
  remove(reference: string, node: Node, id: string): void {
    const meanings = this.#references.get(reference);
    if (meanings?.get(node) !== id) return;
    meanings.delete(node);
    this.#count(reference, id, -1);
    if (meanings.size > 0) return;
    this.#references.delete(reference);
    const { repository } = parseReference(reference);
    const inUse = this.#repositories.get(repository);
    inUse?.delete(reference);
    if (inUse?.size === 0) this.#repositories.delete(repository);
  }

  #count(reference: string, id: string, delta: 1 | -1): void {
    const counts = this.#counts.get(reference) ?? new Map<string, number>();
    const count = (counts.get(id) ?? 0) + delta;
    if (count > 0) counts.set(id, count);
    else counts.delete(id);
    if (counts.size > 0) this.#counts.set(reference, counts);
    else this.#counts.delete(reference);
  }
}
